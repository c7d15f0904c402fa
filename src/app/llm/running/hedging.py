"""When a call may get a second request beside its first one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.running.hedging_loop import HedgingLoop
from app.llm.running.hedging_shares import Shares
from app.llm.running.latencies import Kind, Latencies

if TYPE_CHECKING:
    from app.llm.catalog.rows import HedgeRow
    from app.llm.clock import Clock
    from app.llm.planning import Hop, Plan
    from app.llm.running.course import Course
    from app.llm.running.hedging_loop import Lane

REQUESTS: int = 2
"""What a hedged call takes out of its budget."""


class Hedging:
    """What the calls of features that hedge share: what is usual, who may hedge, and a loop for threads.

    Nothing runs before a call of a thread may be hedged.
    """

    def __init__(self, clock: Clock) -> None:
        self.latencies = Latencies(clock)
        self.shares = Shares()
        self.loop = HedgingLoop()

    def close(self) -> None:
        """Take no further call on the loop for threads, which ends with those under way."""
        self.loop.close()


class Hedge:
    """Whether a call of a feature that hedges may get a second request now, and after how long."""

    __slots__ = ("_course", "_hedging", "_streaming", "row")

    def __init__(self, hedging: Hedging, row: HedgeRow, course: Course, *, streaming: bool) -> None:
        self._hedging, self._course, self.row, self._streaming = hedging, course, row, streaming
        if company_of(course.plan, course.hop, row) is not None:
            hedging.shares.called(self._feature, row.share)

    def beside(self) -> tuple[Hop, float] | None:
        """Return the hop that may be asked beside the one whose turn it is, and after how many seconds.

        None: the call isn't at its first attempt, nobody may be asked, the feature has made its share of
        hedges, or it isn't known yet how long the hop usually takes.
        """
        course = self._course
        if course.made or course.attempts_left < REQUESTS or not self._hedging.shares.has(self._feature):
            return None
        hop = company_of(course.plan, course.hop, self.row)
        if hop is None:
            return None
        p95 = self._hedging.latencies.usual(self._kind(course.hop)).p95
        return None if p95 is None else (hop, p95)

    def lane(self) -> Lane | None:
        """Return the place on the loop for a thread's call; None: it isn't hedged now, and needs none."""
        return None if self.beside() is None else self._hedging.loop.lane()

    def take(self) -> bool:
        """Take a hedge out of the feature's share, if there is one."""
        return self._hedging.shares.take(self._feature)

    def put_back(self) -> None:
        """Give a hedge back that wasn't made."""
        self._hedging.shares.put_back(self._feature)

    def note(self, hop: Hop, seconds: float) -> None:
        """Note how long a hop's answer took, or at least took when nobody waited for it any more."""
        if not hop.spec.user_named:
            self._hedging.latencies.note(self._kind(hop), seconds)

    @property
    def _feature(self) -> str:
        return self._course.plan.feature.name

    def _kind(self, hop: Hop) -> Kind:
        return kind_of(self._course.plan, hop, streaming=self._streaming)


def kind_of(plan: Plan, hop: Hop, *, streaming: bool) -> Kind:
    """Return whose answers a hop's are compared with: the same feature's, as others are longer or shorter."""
    return Kind(plan.feature.name, hop.route.provider, hop.route.model, hop.payer, streaming)


def company_of(plan: Plan, hop: Hop, row: HedgeRow) -> Hop | None:
    """Return the hop that may be asked beside another: the next one on the same bill. None: nobody may.

    A user's own endpoint is never one of them: what it usually takes is known for no two users together.
    """
    if (hop.payer == "user" and not row.on_user_key) or hop.spec.user_named:
        return None
    later = next((one for one in plan.hops[hop.number :] if one.payer == hop.payer), None)
    return None if later is None or later.spec.user_named else later
