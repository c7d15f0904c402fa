"""What httpcore2 raises, as the httpx2 errors that SDKs know."""

from __future__ import annotations

import httpcore2
import httpx2

_FAILURES: tuple[tuple[type[Exception], type[httpx2.RequestError]], ...] = (
    (httpcore2.ConnectTimeout, httpx2.ConnectTimeout),
    (httpcore2.ReadTimeout, httpx2.ReadTimeout),
    (httpcore2.WriteTimeout, httpx2.WriteTimeout),
    (httpcore2.PoolTimeout, httpx2.PoolTimeout),
    (httpcore2.ConnectError, httpx2.ConnectError),
    (httpcore2.ReadError, httpx2.ReadError),
    (httpcore2.WriteError, httpx2.WriteError),
    (httpcore2.ProxyError, httpx2.ProxyError),
    (httpcore2.UnsupportedProtocol, httpx2.UnsupportedProtocol),
    (httpcore2.RemoteProtocolError, httpx2.RemoteProtocolError),
    (httpcore2.ProtocolError, httpx2.LocalProtocolError),
)
BROKEN = tuple(theirs for theirs, _ in _FAILURES)
"""Everything that httpcore2 raises when an exchange breaks."""


def broken(error: Exception, request: httpx2.Request) -> httpx2.RequestError:
    """Return the httpx2 error for one of httpcore2's, without the frames whose variables held the key."""
    kind = next(ours for theirs, ours in _FAILURES if isinstance(error, theirs))
    return kind(str(error), request=request)
