"""How limits and keys are told to the library `limits`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from limits import RateLimitItem

    from app.llm.rates.port import RateKey


class LimitStrings:
    """Reads the limits that a catalog holds, each of them once. The library is imported with the first."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, ...], tuple[RateLimitItem, ...]] = {}

    def __call__(self, limits: tuple[str, ...]) -> tuple[RateLimitItem, ...]:
        """Return the limits as the library counts them. One that is written twice is counted once.

        :raises ValueError: the check of catalogs, `rate_fault`, would have refused one of them.
        """
        items = self._read.get(limits)
        if items is None:
            from limits import parse

            items = self._read[limits] = tuple(dict.fromkeys(map(parse, limits)))
        return items


def counted_as(key: RateKey) -> str:
    """Return the text under which a key's requests are counted: no two keys have the same.

    In braces, as a Redis Cluster keeps together what has the same text there.
    """
    return f"{{{'/'.join(quote(part, safe='') for part in key)}}}"
