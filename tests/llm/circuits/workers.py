"""Workers that share circuits: each with circuits, an exchange and a thread of its own, as a process has."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.llm.catalog.rows import CircuitRow
from app.llm.circuits.exchanging import RedisExchange
from app.llm.circuits.port import CircuitKey
from app.llm.circuits.redis import SharedCircuits
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.llm.circuits.exchanging import Exchange, Heard, Report
    from app.llm.clock import Clock

KEY = CircuitKey("acme", "m", "platform")
ROW = CircuitRow(failures=3, window_s=60.0, open_s=60.0)
BY_HAND = 3600.0
"""Seconds between two exchanges of a worker whose exchanges the test makes itself."""


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    latest = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < latest, "it never did"
        threading.Event().wait(0.005)


def exchange_at(url: str) -> RedisExchange:
    return RedisExchange(SecretStr(url))


@contextmanager
def worker(exchange: Exchange, clock: Clock | None = None, **options: float) -> Iterator[SharedCircuits]:
    circuits = SharedCircuits(exchange, clock, **options)
    try:
        yield circuits
    finally:
        circuits.close()


@contextmanager
def workers_at(url: str, number: int = 2, clock: Clock | None = None) -> Iterator[list[SharedCircuits]]:
    """Run workers that exchange their news when the test says so, by `beat`."""
    with ExitStack() as stack:
        all_of_them = [
            stack.enter_context(worker(exchange_at(url), clock, turn_s=BY_HAND)) for _ in range(number)
        ]
        for one in all_of_them:
            eventually(partial(is_shared, one))
        yield all_of_them


def is_shared(circuits: SharedCircuits) -> bool:
    return circuits.state(KEY).where == "shared"


def fails(circuits: SharedCircuits, times: int = 1, row: CircuitRow = ROW, key: CircuitKey = KEY) -> None:
    for _ in range(times):
        circuits.failed(key, row)


def all_hear(workers: Sequence[SharedCircuits]) -> None:
    """Let every worker tell its news, and then hear those of all others."""
    for one in (*workers, *workers):
        assert one.beat()


def states(workers: Sequence[SharedCircuits], key: CircuitKey = KEY) -> list[str]:
    return [one.state(key).state for one in workers]


class Slow:
    """An exchange during which something else happens in the process, after the server was told."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.meanwhile: Callable[[], None] | None = None

    def exchange(self, reports: Sequence[Report]) -> list[Heard]:
        heard = self._exchange.exchange(reports)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return heard

    def close(self) -> None:
        self._exchange.close()


class Gated:
    """An exchange that answers nothing before its gate is opened, and notes which threads were there."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.threads: list[str] = []
        self.closed = 0

    def exchange(self, reports: Sequence[Report]) -> list[Heard]:
        self.threads.append(threading.current_thread().name)
        self.begun.set()
        self.gate.wait(PATIENCE_S)
        return []

    def close(self) -> None:
        self.closed += 1
