"""How a provider calls a request: what its support asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.llm.failures.redaction import LOWER, SHORTEST_FRAGMENT, WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST_IDS: Final = (
    "x-request-id",
    "request-id",
    "x-goog-request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "cf-ray",
)
"""Headers under which a provider, or what stands before it, says it."""


def request_id_of(headers: Iterable[tuple[bytes, bytes]], secret: str | None) -> str | None:
    """Return the id in an answer's headers, None if there is none or it holds a piece of the key in use.

    It is asked of every answer, so it looks for the key as it is and not for its encodings: a few
    microseconds.
    """
    said = {name.lower(): value for name, value in headers}
    for name in REQUEST_IDS:
        value = said.get(name.encode())
        if value is not None:
            word = value.decode("latin-1")
            return word if WORD.fullmatch(word) and not _holds_a_piece(word, secret or "") else None
    return None


def _holds_a_piece(word: str, secret: str) -> bool:
    plain, key = word.translate(LOWER), secret.translate(LOWER)
    size = min(SHORTEST_FRAGMENT, len(key))
    return size > 0 and any(key[start : start + size] in plain for start in range(len(key) - size + 1))
