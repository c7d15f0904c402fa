"""Where a call of a plan stands, and what comes next: pure, but for the clock and chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.llm.catalog.model import ATTEMPTS_PER_HOP
from app.llm.clients.patience import Patience
from app.llm.failures import REJECTED_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clock import Clock
    from app.llm.failures import Failure
    from app.llm.planning import Hop, Plan
    from app.llm.running.budget import Budget

FIRST_PAUSE_S: Final = 0.5
"""Seconds. Before its first retry a call waits a random part of this (full jitter), so that callers don't
come back in step; before each further one of twice as much, up to LONGEST_PAUSE_S."""
LONGEST_PAUSE_S: Final = 8.0

SHORTEST_S: Final = 0.001
"""Seconds. With less left, nothing is sent: SDKs count in milliseconds, and take 0 for no limit at all."""


class Course:
    """The way of one call along its plan: the hop whose turn it is, and what is left of the budget.

    It only ever moves forward. The attempts at a hop are those of its turn.
    """

    __slots__ = ("_budget", "_clock", "_spread", "ends", "made", "plan", "position", "tries")

    def __init__(self, plan: Plan, budget: Budget, clock: Clock, spread: Callable[[float], float]) -> None:
        self.plan, self._budget, self._clock, self._spread = plan, budget, clock, spread
        self.ends = clock.now() + budget.deadline_s
        self.position = self.made = self.tries = 0

    @property
    def hop(self) -> Hop:
        """The hop whose turn it is."""
        return self.plan.hops[self.position]

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; below 0 if it has passed."""
        return self.ends - self._clock.now()

    @property
    def attempts_left(self) -> int:
        """How many attempts the budget still holds."""
        return self._budget.attempts - self.made

    def begin(self) -> Hop:
        """Take one attempt out of the budget, and return the hop that it is made at."""
        self.made += 1
        self.tries += 1
        return self.hop

    def begin_beside(self) -> None:
        """Take one attempt out of the budget, for another hop than the one whose turn it is."""
        self.made += 1

    def turn_to(self, hop: Hop) -> None:
        """Move to a later hop, at which an attempt was made beside the one whose turn it was."""
        self.position, self.tries = hop.number - 1, 1

    def patience(self, hop: Hop, *, streaming: bool) -> Patience:
        """Return the time limits of an attempt that begins now.

        A hop whose time-out nobody wrote leaves to each later one as much time as it takes itself.

        :raises TimeoutError: none is left, as building the first client of a process may take longer.
        """
        left = self.left_s
        if left < SHORTEST_S:
            raise TimeoutError("the deadline passed before anything was sent")
        most = hop.timeout_s
        if not hop.timeout_written:
            most = min(most, left / (1 + len(self._later(hop))))
        budget = self._budget
        first = budget.first_token_s if streaming and budget.first_token_s is not None else most
        chunk_s = budget.chunk_s if streaming else most
        return Patience(
            self._clock, connect_s=budget.connect_s, first_s=first, chunk_s=chunk_s, ends=self.ends
        )

    def after(self, failure: Failure, *, started: bool = False) -> float | None:
        """Return the seconds until the next attempt, having moved to its hop; None: the call has failed.

        `started`: something was handed on to the caller, and can't be unsaid (R13).
        """
        if started or self.made >= self._budget.attempts or self.left_s < SHORTEST_S:
            return None
        hop = self.hop
        if hop.payer == "user" and failure.failure_class in REJECTED_KEY:
            return self._moved([one for one in self._behind() if one.payer == "platform"])
        action = self.plan.table.action(failure.failure_class, hop.payer)
        if action == "raise":
            return None
        if action == "retry" and (pause := self._pause_before_retry(failure)) is not None:
            return pause
        later = self._later(hop)
        return self._moved([one for one in later if _larger(one, hop)] if action == "larger" else later)

    def leads_to(self, later: Hop, failure: Failure) -> bool:
        """Whether the table leads from this failure to a later hop on the same bill, sooner or later."""
        hop = self.hop
        if hop.payer == "user" and failure.failure_class in REJECTED_KEY:
            return False
        action = self.plan.table.action(failure.failure_class, hop.payer)
        return action in {"retry", "next"} or (action == "larger" and _larger(later, hop))

    def give_back(self) -> None:
        """Put an attempt back into the budget: nothing was sent."""
        self.made -= 1

    def pass_over(self) -> bool:
        """Move to the next hop of the same payer without an attempt at this one; False if there is none."""
        return self._moved(self._later(self.hop)) is not None

    @property
    def is_last(self) -> bool:
        """Whether no later hop could take over on the same bill."""
        return not self._later(self.hop)

    def fits(self, seconds: float) -> bool:
        """Whether an attempt can still be made after waiting for so long."""
        return self.left_s - seconds > SHORTEST_S

    def _pause_before_retry(self, failure: Failure) -> float | None:
        """Return the seconds until the same hop is asked again, None if it isn't.

        A retry never takes the attempt that a later hop would need.
        """
        budget, hops = self._budget.attempts, len(self.plan.hops)
        most = max(ATTEMPTS_PER_HOP, -(-budget // hops))
        if self.tries >= most or budget - self.made <= len(self._later(self.hop)):
            return None
        jitter = self._spread(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self.tries - 1)))
        pause = (failure.retry_after_s or 0.0) + jitter
        return pause if self.fits(pause) else None

    def _moved(self, choices: list[Hop]) -> float | None:
        """Move to the first of these hops: it is asked at once. None if there is none."""
        if not choices:
            return None
        self.position, self.tries = choices[0].number - 1, 0
        return 0.0

    def _behind(self) -> tuple[Hop, ...]:
        return self.plan.hops[self.position + 1 :]

    def _later(self, hop: Hop) -> list[Hop]:
        """Return the hops behind one that are on the same bill: nobody else's is theirs to use."""
        return [one for one in self.plan.hops[hop.number :] if one.payer == hop.payer]


def _larger(one: Hop, than: Hop) -> bool:
    return one.window is not None and than.window is not None and one.window > than.window
