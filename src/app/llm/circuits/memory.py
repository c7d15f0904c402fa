"""Circuits in this process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from app.llm.circuits.breaker import Breaker, Rule
from app.llm.circuits.port import FREE, CircuitState, Passage
from app.llm.clock import SystemClock
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from app.llm.catalog.rows import CircuitRow
    from app.llm.circuits.port import CircuitKey
    from app.llm.clock import Clock

MOST_CIRCUITS = 1000
"""Circuits that are remembered; beyond it, those whose last failure is the longest ago are forgotten."""


class Watcher(Protocol):
    """Who is told what becomes of circuits, and asked before a probe. It is called under the lock."""

    def probe_from(self, key: CircuitKey, half_open_since: float, now: float) -> float:
        """Return from when on a probe may be made: any moment that isn't ahead means now."""
        ...

    def changed(self, key: CircuitKey) -> None:
        """Note that something became of a circuit."""
        ...

    def cleared(self, key: CircuitKey, now: float, *, closed: bool) -> None:
        """Note that a success made a circuit forget its failures; `closed`: it was half-open."""
        ...


class Unwatched:
    """A watcher that minds nothing: the circuits of this process stand alone."""

    def probe_from(self, key: CircuitKey, half_open_since: float, now: float) -> float:
        """Allow every probe."""
        del key, half_open_since
        return now

    def changed(self, key: CircuitKey) -> None:
        """Nobody else is told."""

    def cleared(self, key: CircuitKey, now: float, *, closed: bool) -> None:
        """Nobody else is told."""


class InMemoryCircuits:
    """The circuits that calls of this process open and close. What doesn't fail costs next to nothing.

    A forked child begins with closed circuits: a probe of its parent's is not its own.
    """

    def __init__(self, clock: Clock | None = None, *, watcher: Watcher | None = None) -> None:
        self._clock = clock or SystemClock()
        self._watcher = watcher or Unwatched()
        self.renew()
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"InMemoryCircuits({len(self.breakers)} with failures)"

    def admit(self, key: CircuitKey) -> Passage:
        breaker = self.breakers.get(key)  # without the lock, like all that happens while nothing fails
        if breaker is None or (span := breaker.open) is None:
            return FREE
        now = self._clock.unix()
        if span.holds(now):
            return Passage(allowed=False, until=span.until)
        with self.lock:
            return self._half_open(key, now)

    def succeeded(self, key: CircuitKey) -> None:
        if key not in self.breakers:
            return
        now = self._clock.unix()
        with self.lock:
            breaker = self.breakers.get(key)
            # An attempt from before it opened may still succeed; that is no reason to end a wait.
            if breaker is None or (breaker.open is not None and breaker.open.holds(now)):
                return
            del self.breakers[key]
            self._watcher.cleared(key, now, closed=breaker.open is not None)

    def failed(self, key: CircuitKey, row: CircuitRow, retry_after_s: float | None = None) -> None:
        now = self._clock.unix()
        with self.lock:
            breaker = self.found(key, Rule.of(row))
            breaker.failed(now, retry_after_s)
            self._watcher.changed(key)

    def released(self, key: CircuitKey) -> None:
        if key not in self.breakers:
            return
        with self.lock:
            breaker = self.breakers.get(key)
            if breaker is not None and breaker.probe is not None:
                breaker.probe = None
                self._watcher.changed(key)

    def state(self, key: CircuitKey) -> CircuitState:
        now = self._clock.unix()
        with self.lock:
            breaker = self.breakers.get(key)
            if breaker is None:
                return CircuitState("closed", "local")
            if breaker.open is None:
                return CircuitState("closed", "local", len(breaker.recent(now)) + breaker.others)
            failures = len(breaker.failures) + breaker.others
            if breaker.open.holds(now):
                return CircuitState("open", "local", failures, breaker.open.until)
            return CircuitState("half_open", "local", failures)

    def close(self) -> None:
        """Nothing runs in the background."""

    def renew(self) -> None:
        """Begin anew: in a forked child, a thread of the parent may have been in the middle of a change."""
        self.lock = threading.Lock()
        self.breakers: OrderedDict[CircuitKey, Breaker] = OrderedDict()

    def found(self, key: CircuitKey, rule: Rule) -> Breaker:
        """Return a circuit as the one that failed last, with the rule that it follows from now on."""
        breaker = self.breakers.get(key)
        if breaker is None:
            breaker = self.breakers[key] = Breaker(rule)
            if len(self.breakers) > MOST_CIRCUITS:
                self.breakers.popitem(last=False)
        breaker.rule = rule
        self.breakers.move_to_end(key)
        return breaker

    def _half_open(self, key: CircuitKey, now: float) -> Passage:
        """Let an attempt through as the probe if there is none, and nobody minds."""
        breaker = self.breakers.get(key)
        if breaker is None or (span := breaker.open) is None:
            return FREE
        if span.holds(now):
            return Passage(allowed=False, until=span.until)
        if (probe := breaker.probe) is not None and probe.holds(now):
            return Passage(allowed=False, until=probe.until)
        begin = self._watcher.probe_from(key, span.until, now)
        if begin > now:
            return Passage(allowed=False, until=begin)
        breaker.try_out(now)
        self._watcher.changed(key)
        return Passage(allowed=True, probe=True)
