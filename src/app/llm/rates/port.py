"""The port that client-side rate limits stand behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from app.errors import Payer


class RateKey(NamedTuple):
    """Whose requests are counted together. `holder` tells users apart, as each has limits of their own.

    It is "" for the platform, and never a key or a part of one.
    """

    provider: str
    model: str
    payer: Payer
    holder: str = ""


class Rates(Protocol):
    """Counts requests against the limits of the catalog. None of its methods raises."""

    def take(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Count one request if every limit has room for it, and return 0.0; else the seconds until it has.

        `limits` are written as the library `limits` reads them: `500/minute`.
        """
        ...

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Do as `take` does, without blocking the event loop."""
        ...

    def close(self) -> None:
        """End what was opened. Calling it twice is no error."""
        ...
