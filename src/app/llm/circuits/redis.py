"""Circuits that several processes share, by way of a Redis or Valkey server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from app.llm.circuits.memory import InMemoryCircuits
from app.llm.circuits.pulse import Pulse
from app.llm.circuits.sharing import TURN_S, Sharing
from app.llm.clock import SystemClock
from app.llm.forks import renew_in_children
from app.llm.logs import logger

if TYPE_CHECKING:
    from app.llm.catalog.rows import CircuitRow
    from app.llm.circuits.exchanging import Exchange
    from app.llm.circuits.port import CircuitKey, CircuitState, Passage
    from app.llm.clock import Clock


class SharedCircuits:
    """Circuits whose failures, open times and probes count for all processes on one server.

    A call asks this process's own circuits and waits for nobody. A background thread, which starts with the
    first call, tells the server five times a second what is new, and takes over what others told. While the
    server can't be asked, each process is on its own; it tries again after a growing pause.

    Clocks needn't agree: what is told are ages and remaining times, and the server counts by its own clock.
    """

    def __init__(self, exchange: Exchange, clock: Clock | None = None, *, turn_s: float = TURN_S) -> None:
        self._exchange, self._clock = exchange, clock or SystemClock()
        self._sharing = Sharing()
        self._local = InMemoryCircuits(self._clock, watcher=self._sharing)
        self._pulse = Pulse(self.beat, turn_s)
        self._trouble: str | None = None
        self._dropped = 0
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"SharedCircuits({self._where()}, {len(self._local.breakers)} with failures)"

    def admit(self, key: CircuitKey) -> Passage:
        if self._pulse.idle:
            self._pulse.start()
        return self._local.admit(key)

    def succeeded(self, key: CircuitKey) -> None:
        self._local.succeeded(key)

    def failed(self, key: CircuitKey, row: CircuitRow, retry_after_s: float | None = None) -> None:
        self._local.failed(key, row, retry_after_s)

    def released(self, key: CircuitKey) -> None:
        self._local.released(key)

    def state(self, key: CircuitKey) -> CircuitState:
        if self._pulse.idle:
            self._pulse.start()
        return replace(self._local.state(key), where=self._where())

    def close(self) -> None:
        if self._pulse.stop():
            self._exchange.close()
        self._sharing.connected = False

    def renew(self) -> None:
        """In a forked child, hear anew from the others."""
        self._sharing.renew()

    def beat(self) -> bool:
        """Exchange news once, and return whether it worked. Only the background thread waits here."""
        local, sharing = self._local, self._sharing
        sent = self._clock.unix()
        with local.lock:
            reports = sharing.reports(local, sent)
        try:
            heard = self._exchange.exchange(reports)
        except Exception as error:  # noqa: BLE001 - whatever a server does to its client ends here (R16)
            with local.lock:
                sharing.lost(local)
            self._log(type(error).__name__)
            return False
        with local.lock:
            sharing.heard(local, heard, sent)
        self._log(None)
        return True

    def _where(self) -> Literal["local", "shared"]:
        return "shared" if self._sharing.connected else "local"

    def _log(self, trouble: str | None) -> None:
        """Say when the server is lost or found, by the kind of error: its text may hold the password."""
        if trouble is not None and self._trouble is None:
            logger().warning("circuits_not_shared", error=trouble)
        elif trouble is None and self._trouble is not None:
            logger().info("circuits_shared_again")
        self._trouble = trouble
        if self._sharing.dropped > self._dropped:
            self._dropped = self._sharing.dropped
            logger().warning("circuit_news_dropped", dropped=self._dropped)
