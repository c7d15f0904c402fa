"""The plays of a scenario, one by one: what the fault server answers to which request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from app.testing.faults.table import FAULTS, OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.drills.scenario import PlayRow, Scenario

TIMES = {1: "once", 2: "twice"}


@dataclass(frozen=True, slots=True)
class Play:
    """One thing that goes wrong in a call: a fault and where and how often, or a script."""

    fault: str
    at: Literal["first", "all"] = "first"
    times: int | None = None
    script: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What goes wrong."""
        return ", ".join(self.script) if self.script else self.fault

    @property
    def where(self) -> str:
        """Where, and how often."""
        if self.script:
            return "by request"
        if self.fault == OK:
            return ""
        often = "always" if self.times is None else TIMES.get(self.times, f"{self.times} times")
        return f"{'first hop' if self.at == 'first' else 'every hop'}, {often}"

    @property
    def faults(self) -> frozenset[str]:
        """All faults that it plays."""
        return frozenset(self.script or (self.fault,))

    def at_first(self) -> Play:
        """Return the same at the first hop."""
        return replace(self, at="first")

    def cues(self) -> Cues:
        """Return what tells the fault of each request of one call."""
        return Cues(self)


class Cues:
    """The faults of one call, request by request. It is asked in the server's thread only."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._count: Counter[int] = Counter()
        self._requests = 0

    def fault(self, hop: int | None) -> str:
        """Return the fault of the next request, which is for this hop (from 1; None: for none of them)."""
        play, self._requests = self._play, self._requests + 1
        if play.script:
            return play.script[self._requests - 1] if self._requests <= len(play.script) else OK
        if hop is None or (play.at == "first" and hop != 1):
            return OK
        self._count[hop] += 1
        return play.fault if play.times is None or self._count[hop] <= play.times else OK


def plays_of(scenario: Scenario, caller: str) -> Iterator[Play]:
    """Yield the plays of a caller, each once, in the order of the scenario."""
    rows = [row for row in scenario.plays if not row.callers or caller in row.callers]
    yield from dict.fromkeys(play for row in rows for play in _plays(row))


def _plays(row: PlayRow) -> Iterator[Play]:
    if row.script:
        yield Play("", script=row.script)
    for fault in row.faults:
        yield Play(fault, row.at, row.times)


def unseen(play: Play) -> bool:
    """Whether requests of this play find nobody at their address."""
    return not play.script and FAULTS[play.fault].unseen
