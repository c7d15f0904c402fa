"""How long answers took lately: what is usual, and what is slow."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from app.errors import Payer
    from app.llm.clock import Clock

MOST_SAMPLES: Final = 200
OLDEST_S: Final = 900.0
"""Seconds. What is older says nothing about a provider's day."""
ENOUGH: Final = 20
"""Samples. With fewer, nobody can say what the slowest one in twenty is."""
MOST_KINDS: Final = 1000
"""Kinds of answers that are remembered; beyond it, the one that is the longest unused is forgotten."""


class Kind(NamedTuple):
    """Whose answers are compared with each other. A stream counts until its first content."""

    feature: str
    provider: str
    model: str
    payer: Payer
    streaming: bool


class Usual(NamedTuple):
    """What is known of a kind: of how many answers, and how long 95 % of them took at most, in seconds.

    `p95` is None while there are too few.
    """

    samples: int
    p95: float | None


class Recent:
    """The latest answers of one kind, also in the order of how long they took."""

    __slots__ = ("_ordered", "_seen")

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self._ordered: list[float] = []

    def note(self, now: float, seconds: float) -> None:
        """Add one answer. `now` is when it came, in seconds of the clock."""
        self._seen.append((now, seconds))
        insort(self._ordered, seconds)
        if len(self._seen) > MOST_SAMPLES:
            self._forget_oldest()

    def usual(self, now: float) -> Usual:
        """Return what the answers say that aren't too old."""
        while self._seen and self._seen[0][0] < now - OLDEST_S:
            self._forget_oldest()
        samples = len(self._ordered)
        rank = -(-95 * samples // 100)  # the nearest rank, rounded up: the 19th of 20
        return Usual(samples, self._ordered[rank - 1] if samples >= ENOUGH else None)

    def _forget_oldest(self) -> None:
        _, seconds = self._seen.popleft()
        del self._ordered[bisect_left(self._ordered, seconds)]


class Latencies:
    """How long the answers of this process took lately, by kind. A forked child begins to learn anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.renew()
        renew_in_children(self)

    def note(self, kind: Kind, seconds: float) -> None:
        """Add how long an answer took, or at least took when nobody waited for it any more."""
        with self._lock:
            recent = self._kinds.get(kind)
            if recent is None:
                recent = self._kinds[kind] = Recent()
                if len(self._kinds) > MOST_KINDS:
                    self._kinds.popitem(last=False)
            self._kinds.move_to_end(kind)
            recent.note(self._clock.now(), seconds)

    def usual(self, kind: Kind) -> Usual:
        """Return what is usual for a kind of answers now."""
        with self._lock:
            recent = self._kinds.get(kind)
            return Usual(0, None) if recent is None else recent.usual(self._clock.now())

    def renew(self) -> None:
        """Begin anew: in a forked child, a thread of the parent may have been in the middle of a change."""
        self._lock = threading.Lock()
        self._kinds: OrderedDict[Kind, Recent] = OrderedDict()
