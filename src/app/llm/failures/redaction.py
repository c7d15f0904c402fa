"""What may be kept of a provider's words: a code that looks like one, and a message without secrets."""

from __future__ import annotations

import base64
import re
import string
import traceback
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from app.errors import Original
from app.llm.catalog.headers import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.failures.facts import chain_of, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

INERT_MARKER: Final = KEY_IS_ATTACHED_BY_THE_TRANSPORT
"""No secret, and nothing that a reader should take for one."""
CUT: Final = "[cut]"
LONGEST_MESSAGE, LONGEST_READ = 500, 4_000
MOST_PLACES = 40
SHORTEST_FRAGMENT = 12
"""Characters of the key in use that give it away in part: a shorter piece may stand in a word by chance."""

LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
"""Letter by letter: `str.lower` makes two of some."""
FOR_ADDRESSES: Final = str.maketrans("+/", "-_")
WORD: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")
KEYS: Final = re.compile(
    r"""\b(?:sk|pk|rk|gsk|csk|xai|pplx|nvapi|hf|fw|r8|tgp)[-_][A-Za-z0-9*_.\-]{4,}
      | \bAIza[A-Za-z0-9*_\-]{4,} | \bya29\.[\w.\-]+ | \bAKIA[0-9A-Z]{8,}
      | \beyJ[\w\-]+\.[\w\-]+(?:\.[\w\-]*)?""",
    re.VERBOSE,
)
SENT_AS: Final = re.compile(r"\b(bearer|basic)(\s+)[^\s'\",}]+", re.IGNORECASE)
NAMED: Final = re.compile(
    r"((?:key|token|secret|password|credential|authorization)s?\b[^\n]{0,40}?)[A-Za-z0-9+/_\-.=*]{16,}",
    re.IGNORECASE,
)


def safe_word(word: str, secret: str | None) -> str | None:
    """Return a provider's code or id if it looks like one and isn't a secret or a part of it."""
    if WORD.fullmatch(word) is None or KEYS.search(word) or INERT_MARKER in word:
        return None
    return None if secret and without_key(word, secret) != word else word


def without_secrets(text: str, secret: str | None) -> str:
    """Return a text of bounded length without the key in use and without whatever looks like a key."""
    text = text[:LONGEST_READ].replace(INERT_MARKER, CUT)
    if secret:
        text = without_key(text, secret)
    text = SENT_AS.sub(rf"\1\2{CUT}", KEYS.sub(CUT, text))
    return NAMED.sub(rf"\1{CUT}", text)[:LONGEST_MESSAGE]


def without_key(text: str, secret: str) -> str:
    """Return a text without this key and longer pieces of it, in any case and in the usual encodings."""
    plain, hidden = text.translate(LOWER), [False] * len(text)
    pieces: dict[int, set[str]] = {}
    for spelling in _spellings(secret):
        size = min(SHORTEST_FRAGMENT, len(spelling))
        starts = range(len(spelling) - size + 1)
        pieces.setdefault(size, set()).update(spelling[start : start + size] for start in starts)
    for size, known in pieces.items():
        for start in range(len(text) - size + 1):
            if plain[start : start + size] in known:
                hidden[start : start + size] = [True] * size
    return "".join(_shown(text, hidden))


def _spellings(secret: str) -> Iterator[str]:
    """Yield a key in lower case: as it is, as addresses spell it, and in hexadecimal and base64."""
    given = secret.encode()
    yield from (secret.translate(LOWER), quote(secret, safe="").translate(LOWER))
    if len(secret) < SHORTEST_FRAGMENT:
        return  # what is left of an encoded one is in many a word
    yield given.hex()
    for before in range(3):  # where the key begins in what was encoded
        inner = base64.b64encode(b"\0" * before + given).decode()[4 if before else 0 :].translate(LOWER)
        yield from (inner, inner.translate(FOR_ADDRESSES))


def _shown(text: str, hidden: list[bool]) -> Iterator[str]:
    for at, (letter, is_hidden) in enumerate(zip(text, hidden, strict=True)):
        if not is_hidden:
            yield letter
        elif at == 0 or not hidden[at - 1]:
            yield CUT


def original_of(error: BaseException, secret: str | None) -> Original:
    """Return what may be kept of an exception that becomes one of ours. The exception itself isn't kept."""
    chain = list(chain_of(error))
    return Original(
        type=_name(error),
        message=without_secrets(str(error), secret),
        status=next((status for one in chain if (status := status_of(one))), None),
        places=tuple(place for one in chain for place in _places(one))[-MOST_PLACES:],
        causes=tuple(_name(one) for one in chain[1:]),
    )


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _places(error: BaseException) -> Iterator[str]:
    """Yield the places that an exception passed, by the ends of their paths."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield "/".join(frame.f_code.co_filename.replace("\\", "/").split("/")[-3:]) + f":{line}"
