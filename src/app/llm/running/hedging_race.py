"""A call's first attempt, and a second one beside it if the first is slower than usual."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from app.llm.running.course import SHORTEST_S

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from app.llm.planning import Hop
    from app.llm.running.attempt import Attempt
    from app.llm.running.call import Call
    from app.llm.running.failing import Failed
    from app.llm.running.hedging import Hedge
    from app.llm.running.record import Ending

T = TypeVar("T")


class Race(Generic[T]):
    """Two attempts of one call at once. Who answers first serves the call, and the other one is cancelled.

    `ask` runs an attempt and returns what it brought, None if it failed. `beside` are the hop that is asked,
    too, and the seconds of the first attempt before it is. Attempts tell the race how they ended, and the
    race tells the call what comes of both.
    """

    def __init__(
        self,
        call: Call,
        hedge: Hedge,
        beside: tuple[Hop, float],
        ask: Callable[[Attempt], Coroutine[Any, Any, T | None]],
    ) -> None:
        self._call, self._hedge, self._ask = call, hedge, ask
        self._hop, self._after_s = beside
        self._tasks: dict[Attempt, asyncio.Task[T | None]] = {}
        self._failed: dict[Attempt, Failed] = {}
        self._winner: Attempt | None = None

    async def run(self) -> T | None:
        """Return what the first answer brought. None: both failed, and the call goes on or has ended.

        Both have ended then, except for a stream that serves the call.
        """
        try:
            async with asyncio.TaskGroup() as both:
                first = self._start(both, self._call.attempt())
                done, _ = await asyncio.wait((first,), timeout=self._call.runner.clock.real(self._after_s))
                if not done and (second := await self._second(first)) is not None:
                    self._start(both, second)
        except BaseException:
            if self._winner is None:
                for attempt in self._tasks:
                    self.stopped(attempt, "cancelled")
                self._call.given_up("cancelled")
            raise
        if self._winner is not None:
            return self._tasks[self._winner].result()
        self._conclude()
        return None

    # ------------------------------------------------------------------ what attempts tell

    def serves(self, attempt: Attempt) -> None:
        """Note who answered first: from now on it is the call's own attempt, and the other is cancelled."""
        if self._winner is not None or attempt.record.outcome != "under_way":
            raise asyncio.CancelledError  # it was cancelled, and an SDK didn't care
        self._winner = attempt
        attempt.told = self._call
        if attempt.record.hedge:
            self._call.course.turn_to(attempt.hop)
        for other in self._tasks:
            if other is not attempt:
                self._leave(other)
        self._call.serves(attempt)

    def succeeded(self, attempt: Attempt) -> None:
        """Note an answer that nobody was told of before."""
        self.serves(attempt)
        self._call.succeeded(attempt)

    def stopped(self, attempt: Attempt, how: Ending) -> None:
        """Note that nobody wants an attempt's answer any more."""
        if attempt.record.outcome == "under_way":
            self._call.left(attempt, how)

    def failed(self, attempt: Attempt, error: Exception) -> bool:
        """Note a failure. What comes of it is seen when both have ended.

        A failure of the first after which the table doesn't lead to the second's hop ends the second, too.
        """
        if attempt.record.outcome == "under_way":  # else it was cancelled, and this is how it said so
            self._failed[attempt] = self._call.noted(attempt, error)
            if not attempt.record.hedge and not self._leads_on(attempt):
                for other in self._tasks:
                    self._leave(other)
        return True

    # ------------------------------------------------------------------ how it goes on

    def _start(self, both: asyncio.TaskGroup, attempt: Attempt) -> asyncio.Task[T | None]:
        attempt.told = self
        task = self._tasks[attempt] = both.create_task(self._ask(attempt))
        return task

    async def _second(self, first: asyncio.Task[T | None]) -> Attempt | None:
        """Return the second attempt; None: none is due, or its hop lets none through."""
        if not self._hedge.take():
            return None
        if await self._lets_through(self._hop):
            if not first.done() and self._call.course.left_s >= SHORTEST_S:
                return self._call.attempt_beside(self._hop)
            self._call.runner.gates.left(self._hop)
        self._hedge.put_back()
        return None

    async def _lets_through(self, hop: Hop) -> bool:
        gates = self._call.runner.gates
        if gates.wait_at(hop) > 0.0:
            return False
        has_room = not hop.rates
        try:
            has_room = has_room or await gates.atake(hop, self._call.record.user_id) <= 0.0
        finally:
            if not has_room:
                gates.left(hop)
        return has_room

    def _leave(self, attempt: Attempt) -> None:
        """Cancel an attempt that is still under way, and note it as it is now."""
        if attempt.record.outcome != "under_way":
            return
        attempt.measure()
        if not attempt.record.hedge and self._winner is not None:
            self._hedge.note(attempt.hop, attempt.seconds)  # left out, the slow ones would be thought fast
        self._call.left(attempt, "cancelled")
        self._tasks[attempt].cancel()

    def _leads_on(self, first: Attempt) -> bool:
        """Whether the table leads from a first attempt that failed to the hop of the second."""
        failure = self._failed[first].failure
        return failure is not None and self._call.course.leads_to(self._hop, failure)

    def _conclude(self) -> None:
        """Have the call decide what comes of the failures: of the later hop's, if the first leads there."""
        first, *others = self._tasks
        last = first
        for second in others:
            if second in self._failed and (first not in self._failed or self._leads_on(first)):
                last = second
                self._call.course.turn_to(second.hop)
        failed, self._failed = self._failed.get(last), {}
        if failed is None:  # an SDK's own cancellation, or what it took for one
            self._call.given_up("cancelled")
            raise asyncio.CancelledError
        last.told = self._call
        if not self._call.concluded(failed):
            raise failed.error
