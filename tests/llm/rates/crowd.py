"""Many who ask at once, and a wait until something holds."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.llm.rates.port import RateKey
from app.llm.rates.redis import SharedRates
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.rates.port import Rates

KEY = RateKey("acme", "vendor/model-1", "platform")
NEVER_FULL = ("1000000/day", "100000/minute")
LONG_S = 5.0
"""A patience that no server of a test needs, on any machine."""


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    latest = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < latest, "it never did"
        threading.Event().wait(0.005)


def shared(url: str, patience_s: float = LONG_S) -> SharedRates:
    return SharedRates(SecretStr(url), patience_s=patience_s)


def counted(rates: Rates, limits: tuple[str, ...], times: int, key: RateKey = KEY) -> int:
    """Return how many of so many takes were counted."""
    return sum(rates.take(key, limits) == 0 for _ in range(times))


async def acounted(rates: Rates, limits: tuple[str, ...], times: int, key: RateKey = KEY) -> int:
    """Return how many of so many takes at once were counted."""
    return (await asyncio.gather(*(rates.atake(key, limits) for _ in range(times)))).count(0)


def counted_in_threads(
    rates: Rates, limits: tuple[str, ...], threads: int, times: int, key: RateKey = KEY
) -> int:
    """Return how many takes were counted, of so many in each of so many threads that begin together."""
    together = threading.Barrier(threads)

    def take_all(_: int) -> int:
        together.wait(PATIENCE_S)
        return counted(rates, limits, times, key)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(take_all, range(threads)))


def counted_in_loops(
    rates: Rates, limits: tuple[str, ...], loops: int, times: int, key: RateKey = KEY
) -> int:
    """Return how many takes were counted, of so many in each of so many event loops that begin together."""
    together = threading.Barrier(loops)

    def take_all(_: int) -> int:
        together.wait(PATIENCE_S)
        return asyncio.run(acounted(rates, limits, times, key))

    with ThreadPoolExecutor(loops) as pool:
        return sum(pool.map(take_all, range(loops)))


def counted_in_a_worker(url: str, limits: tuple[str, ...], times: int) -> int:
    """What another process does: rate limits of its own, over the same server."""
    rates = shared(url)
    try:
        return counted(rates, limits, times)
    finally:
        rates.close()


def is_shared(rates: SharedRates) -> Callable[[], bool]:
    return partial(_is, rates, "shared")


def is_local(rates: SharedRates) -> Callable[[], bool]:
    return partial(_is, rates, "local")


def _is(rates: SharedRates, where: str) -> bool:
    return rates.where == where
