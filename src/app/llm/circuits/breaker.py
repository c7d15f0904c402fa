"""One circuit: what is remembered of its failures, and when it opens and closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from app.llm.catalog.rows import CircuitRow

LONGEST_WAIT_S: Final = 600.0
"""A provider that asks for a longer wait is tried again after this one."""


class Rule(NamedTuple):
    """When a circuit opens, and for how long. It says the same as a CircuitRow."""

    failures: int
    window_s: float
    open_s: float

    @classmethod
    def of(cls, row: CircuitRow) -> Rule:
        """Return the rule that a row of the catalog writes down."""
        return cls(row.failures, row.window_s, row.open_s)


class Span(NamedTuple):
    """From one moment to another, in Unix seconds. A clock that is set back before it has left it."""

    since: float
    until: float

    def holds(self, now: float) -> bool:
        """Whether a moment lies in it."""
        return self.since <= now < self.until


class Breaker:
    """One circuit that isn't as good as new. All moments are Unix seconds, and given from outside.

    It is closed without a span; open while `open` holds; half-open after that. It isn't locked: its owner is.
    """

    __slots__ = ("asked_until", "failures", "known", "open", "others", "probe", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.failures: list[float] = []
        """When this process saw failures; of an open circuit, those that opened it."""
        self.others = 0
        """Failures that other processes saw."""
        self.asked_until = 0.0
        """Until when a provider asked to be left alone (Retry-After)."""
        self.open: Span | None = None
        self.known: Span | None = None
        """What other processes know of `open`: they needn't be told."""
        self.probe: Span | None = None
        """The attempt that tries it out, and when it counts as lost if nobody tells how it ended."""

    def failed(self, now: float, retry_after_s: float | None) -> None:
        """Note a failure. It may open the circuit; one that comes while it is open may make that longer."""
        if retry_after_s is not None and retry_after_s > 0:
            self.asked_until = max(self.asked_until, now + min(retry_after_s, LONGEST_WAIT_S))
        if self.open is not None and self.open.holds(now):
            self.open = Span(self.open.since, max(self.open.until, self._asked(now)))
            return
        self.failures = [*self.recent(now), now]
        if self.open is not None or len(self.failures) + self.others >= self.rule.failures:
            self.trip(now)

    def trip(self, now: float) -> None:
        """Open the circuit; whatever probe was under way has failed."""
        self.open = Span(now, max(now + self.rule.open_s, self._asked(now)))
        self.probe = None

    def recent(self, now: float) -> list[float]:
        """Return the failures that still count; a clock that was set back has left those ahead of it."""
        begin = now - self.rule.window_s
        return [moment for moment in self.failures if begin < moment <= now]

    def try_out(self, now: float) -> None:
        """Note that a probe begins. If nobody tells how it ended, another one may begin `open_s` later."""
        self.probe = Span(now, now + self.rule.open_s)

    def _asked(self, now: float) -> float:
        return min(self.asked_until, now + LONGEST_WAIT_S)
