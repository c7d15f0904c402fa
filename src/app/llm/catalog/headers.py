"""Headers that a provider's row or an SDK may write, and those that are the transport's alone."""

from __future__ import annotations

import re
from typing import Final

KEY_IS_ATTACHED_BY_THE_TRANSPORT: Final = "key-is-attached-by-the-transport"
"""What SDK clients hold in place of a key. It means nothing to any provider and never leaves the process."""
FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
"""What the transport writes itself: framed twice, a body could be two requests."""
CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect"}
)
"""What says how a connection is used (RFC 9110, 7.6.1): those are shared."""
NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
CREDENTIAL: Final = re.compile(
    rb"(?:^|[-_.])(?:auth|authn|authz|authorization|authentication|(?:api|auth|access|bearer|session)?token|jwt|"
    rb"bearer|cookie2?|password|passwd|passphrase|(?:api|client)?secret|signature|credentials?|"
    rb"(?:api|auth|access|subscription|functions|secret|private|master|rapidapi|app)[-_.]?key)"
    rb"(?:$|[-_.])|^(?:x[-_.])?(?:key|sig)$"
)
"""Lower-case names that carry a credential, of headers and of parameters in a query alike."""

FOREIGN: Final = "carries a credential that the transport didn't attach"


def objection_to(name: bytes) -> str | None:
    """Return why a header of this lower-case name isn't sent, to be read after the name; None: it is."""
    if not NAME.fullmatch(name):
        return "can't be a header's name"
    if name in CONNECTION:
        return "is about the connection, which is the transport's alone"
    return FOREIGN if CREDENTIAL.search(name) else None
