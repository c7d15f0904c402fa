"""Rate limits that several workers keep together, on a Redis or Valkey server."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal

from app.llm.rates.courier import Courier
from app.llm.rates.memory import MARGIN_S, InMemoryRates
from app.llm.rates.reading import LimitStrings, counted_as

if TYPE_CHECKING:
    from pydantic import SecretStr

    from app.llm.clock import Clock
    from app.llm.rates.answers import Answer
    from app.llm.rates.port import RateKey

PATIENCE_S: Final = 0.02
"""Seconds that a call waits for the server at most, before it counts on its own."""
LATE_S: Final = 0.002
PREFIX: Final = "pointsman:rates"
"""What the server's keys begin with; after it come provider, model, payer and holder, and nothing secret."""
PROBE: Final = ("1/second",)


class SharedRates:
    """Counts the requests of all processes that use the same server, and all of them alone while it is away.

    Every request is counted here first: whatever becomes of the server, this process keeps the limits on its
    own, and asks nobody when it has used one up by itself. While the server is away each worker may send up
    to a limit, and it never learns of that. A request that it counted too late for `patience_s` is sent.

    :raises SettingsError: the package `redis` isn't installed, or the URL can't be read.
    """

    def __init__(
        self,
        url: SecretStr,
        clock: Clock | None = None,
        *,
        patience_s: float = PATIENCE_S,
        prefix: str = PREFIX,
    ) -> None:
        from app.llm.rates.together import Take, opened

        # The server is given up a little earlier than the calls that wait for it: then they all know at once.
        windows = partial(opened, url, prefix, patience_s * 0.75)
        windows().close()
        self._patience_s = patience_s
        self._local = InMemoryRates(clock)
        self._read = LimitStrings()
        self._take = Take
        self._courier = Courier(windows, Take("probe", self._read(PROBE)))

    def __repr__(self) -> str:
        return f"SharedRates({self.where})"

    @property
    def where(self) -> Literal["local", "shared"]:
        """Whether requests are counted on the server now."""
        return "shared" if self._courier.carries else "local"

    def take(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Count one request if every limit has room for it, and return 0.0; else the seconds until it has."""
        if not limits:
            return 0.0
        if left := self._local.take(key, limits):
            return left
        answer: Future[float | None] = Future()
        sent = self._sent(key, limits, answer)
        return self._settled(key, limits, self._waited(answer) if sent else None)

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Do as `take` does. The event loop goes on meanwhile, and its thread pool isn't used."""
        if not limits:
            return 0.0
        if left := self._local.take(key, limits):
            return left
        answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        sent = self._sent(key, limits, answer)
        return self._settled(key, limits, await self._awaited(answer) if sent else None)

    def close(self) -> None:
        """End the thread and its connection; what comes later is counted in memory."""
        self._courier.close()

    def _sent(self, key: RateKey, limits: tuple[str, ...], answer: Answer) -> bool:
        return self._courier.send(self._take(counted_as(key), self._read(limits)), answer)

    def _waited(self, answer: Future[float | None]) -> float | None:
        since = monotonic()
        try:
            return answer.result(self._patience_s)
        except TimeoutError:
            answer.cancel()
            self._give_up(since)
            return None

    async def _awaited(self, answer: asyncio.Future[float | None]) -> float | None:
        since = monotonic()
        try:
            await asyncio.wait([answer], timeout=self._patience_s)
        finally:
            answer.cancel()  # which does nothing to an answer that is there
        if not answer.cancelled():
            return answer.result()
        self._give_up(since)
        return None

    def _give_up(self, since: float) -> None:
        """Doubt the server after a wait in vain, unless this process was too busy to wake up in time."""
        if monotonic() - since < self._patience_s + LATE_S:
            self._courier.doubt(since)

    def _settled(self, key: RateKey, limits: tuple[str, ...], seconds: float | None) -> float:
        """Return what the server said; if it said nothing, what was counted here stands."""
        if not seconds:
            return 0.0
        self._local.give_back(key, limits)
        return seconds + MARGIN_S
