"""One call of a plan, from its first attempt to its answer or its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from app.errors import CircuitOpen, ConfigurationError, PointsmanError, RateLimited
from app.llm.failures import Unparsed, bare, original_of, own_error, rebuilt
from app.llm.running.attempt import Attempt
from app.llm.running.course import SHORTEST_S, Course
from app.llm.running.failing import Failed, failure_of
from app.llm.running.hedging import Hedge
from app.llm.running.judging import repair_of
from app.llm.running.record import MS, CallRecord, Skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.outputs import ChatResult

    from app.llm.failures import Failure
    from app.llm.planning import Hop, Plan
    from app.llm.running.record import Ending, PassedOver
    from app.llm.running.runner import Runner
    from app.llm.running.terms import Terms


class Call:
    """The only owner of attempts and time while a plan is run; the SDKs' own retries are switched off (R10).

        while call.goes_on():
            with call.attempt() as attempt:
                return attempt.answered(...)
        return call.leftover()

    An attempt keeps what it raises; `goes_on` waits for the next one's turn, or raises what the call has come
    to, outside of every `except`, so that the error holds nothing of an SDK (R17).
    """

    def __init__(self, plan: Plan, runner: Runner, terms: Terms, user_id: str | None = None) -> None:
        self.runner, self.terms = runner, terms
        self.course = Course(plan, terms.budget, runner.clock, runner.spread)
        self.record = CallRecord(plan, user_id, runner.clock.unix())
        self._began = runner.clock.now()
        self._pause = 0.0
        self._is_through = False
        """Whether a circuit has let the next attempt through that isn't made yet."""
        self._repair: list[BaseMessage] = []
        self._last_error: Callable[[], PointsmanError] | None = None
        self._error: PointsmanError | None = None
        self._unfit: Attempt | None = None
        """The attempt that failed last, if its answer is better than none."""
        self._left: ChatResult | None = None
        self.hedge: Hedge | None = None
        """Whether it may be hedged now; None: its feature doesn't hedge."""
        if plan.feature.row.hedge is not None and runner.hedging is not None:
            self.hedge = Hedge(runner.hedging, plan.feature.row.hedge, self.course, streaming=terms.streaming)

    # ------------------------------------------------------------------ whose turn it is

    def goes_on(self) -> bool:
        """Wait until an attempt may be made; False: what is left is an answer that doesn't fit the schema.

        :raises PointsmanError: the call has failed for good.
        """
        while self._is_open():
            try:
                if pause := self._pause_due():
                    self.runner.clock.sleep(pause)
                if self._circuit_lets_through():
                    hop = self.course.hop
                    if not hop.rates or self._has_room(self.runner.gates.take(hop, self.record.user_id)):
                        return True
            except BaseException as error:
                self._interrupted(error)
                raise
        return False

    async def agoes_on(self) -> bool:
        """Do as `goes_on` does, without blocking the event loop."""
        while self._is_open():
            try:
                if pause := self._pause_due():
                    await self.runner.clock.asleep(pause)
                if self._circuit_lets_through():
                    hop = self.course.hop
                    if not hop.rates or self._has_room(
                        await self.runner.gates.atake(hop, self.record.user_id)
                    ):
                        return True
            except BaseException as error:
                self._interrupted(error)
                raise
        return False

    def attempt(self) -> Attempt:
        """Return the block of the attempt whose turn it is."""
        attempt = Attempt(self, self.course.begin())
        self._is_through = False
        self.record.attempts.append(attempt.record)
        return attempt

    def attempt_beside(self, hop: Hop) -> Attempt:
        """Return the block of an attempt at a later hop, while the one whose turn it is is under way."""
        self.course.begin_beside()
        attempt = Attempt(self, hop)
        attempt.record.hedge = True
        self.record.attempts.append(attempt.record)
        return attempt

    def messages(self, given: list[BaseMessage]) -> list[BaseMessage]:
        """Return what this attempt asks: after an answer that didn't fit also what was wrong with it."""
        return [*given, *self._repair] if self._repair else given

    def leftover(self) -> ChatResult:
        """Return the answer that doesn't fit the schema, for a caller who wants the raw one in any case."""
        if self._left is None:
            raise RuntimeError("a call without a last answer was asked for it")
        return self._left

    # ------------------------------------------------------------------ what became of an attempt

    def serves(self, attempt: Attempt) -> None:
        """Note that an attempt's answer is the one that is handed on."""
        if self.hedge is not None and attempt.record.outcome == "under_way":
            self.hedge.note(attempt.hop, attempt.seconds)

    def succeeded(self, attempt: Attempt) -> None:
        """Note that an attempt served."""
        attempt.record.outcome = "answered"
        self.record.served_by = attempt.hop.number
        self.runner.gates.served(attempt.hop)
        self._tell_health(attempt)
        self._end("answered")

    def stopped(self, attempt: Attempt, how: Ending) -> None:
        """Note that nobody wants the answer any more."""
        self.left(attempt, how)
        self.given_up(how)

    def left(self, attempt: Attempt, how: Ending) -> None:
        """Note that nobody waits for an attempt any more."""
        attempt.record.outcome, self.record.served_by = how, None
        self.runner.gates.left(attempt.hop)

    def given_up(self, how: Ending) -> None:
        """Note that nobody waits for the call any more."""
        self._end(how)

    def failed(self, attempt: Attempt, error: Exception) -> bool:
        """Note a failure, and what comes of it; False: the error is the caller's, as it is."""
        return self.concluded(self.noted(attempt, error))

    def noted(self, attempt: Attempt, error: Exception) -> Failed:
        """Note a failure at the gates and in key health. What comes of it is for `concluded` to say."""
        attempt.record.outcome = "failed"
        failure = failure_of(attempt, error)
        if failure is None:
            self.runner.gates.left(attempt.hop)
            return Failed(attempt, error)
        self._note_at_gates(attempt, failure)
        self._tell_health(attempt, failure)
        return Failed(attempt, error, failure, self._error_of(attempt, failure, error))

    def concluded(self, failed: Failed) -> bool:
        """Decide what comes of a failure; False: the error is the caller's, as it is."""
        self.record.served_by = None
        if failed.failure is not None:
            self._go_on_after(failed, failed.failure)
            return True
        own = own_error(failed.error)
        if own is None and self._last_error is not None:  # a later hop can't say what the first one could
            self.course.give_back()
            self._repair = []
            if not self.course.pass_over():
                self._fail()
            return True
        self._end("failed", None if own is None else bare(own))
        return own is not None and not (own is failed.error and isinstance(own, ConfigurationError))

    def _go_on_after(self, failed: Failed, failure: Failure) -> None:
        attempt, error, heard = failed.attempt, failed.error, failed.attempt.heard
        pause = self.course.after(failure, started=heard is not None and heard.begun)
        self._pause, self._repair = pause or 0.0, []
        self._last_error = failed.becomes
        self._unfit = attempt if self.terms.keeps_raw and attempt.result is not None else None
        if pause is None:
            self._fail()
        elif self.course.hop is attempt.hop and isinstance(error, Unparsed):
            self._repair = (
                repair_of(error.answer, error.problem) if isinstance(error.answer, BaseMessage) else []
            )

    def _fail(self) -> None:
        """End with the last failure; whoever takes raw answers gets the one that it is about."""
        unfit = self._unfit
        if unfit is not None and unfit.result is not None:
            self._left = unfit.stamped(unfit.result)
            self._end("answered")
        elif self._last_error is not None:
            self._end("failed", self._last_error())

    def _error_of(self, attempt: Attempt, failure: Failure, error: Exception) -> Callable[[], PointsmanError]:
        """Return what makes the error that this attempt's failure comes to, if nobody serves the call."""
        original = original_of(error, attempt.secret)
        partial = attempt.heard.partial if attempt.heard is not None else None
        hop = attempt.hop
        return lambda: rebuilt(failure, original, partial=partial, call=self._about(hop))

    # ------------------------------------------------------------------ circuits, rate limits, key health

    def _circuit_lets_through(self) -> bool:
        """Whether the circuit of the hop lets an attempt through; if not, the next hop's turn has come."""
        wait = self.runner.gates.wait_at(self.course.hop)
        self._is_through = wait <= 0.0
        if not self._is_through:
            self._pass_over("circuit_open", wait)
        return self._is_through

    def _has_room(self, wait: float) -> bool:
        """Whether the hop's rate limits have room; if not, the next hop takes over, or it is waited for."""
        if wait > 0.0:
            self._is_through = False
            self.runner.gates.left(self.course.hop)
            if self.course.is_last and self.course.fits(wait):
                self._pause = wait
            else:
                self._pass_over("rate_limit", wait)
        return wait <= 0.0

    def _pass_over(self, reason: PassedOver, wait: float) -> None:
        hop = self.course.hop
        self.record.passed_over.append(
            Skip(hop.number, hop.route.provider, hop.route.model, hop.payer, reason, wait)
        )
        self._repair = []
        if not self.course.pass_over():
            if self._last_error is None:
                self._end("failed", self._not_asked(hop, reason, wait))
            else:
                self._fail()

    def _not_asked(self, hop: Hop, reason: PassedOver, wait: float) -> PointsmanError:
        call = {**self._about(hop), "code": reason, "retry_after_s": wait}
        if reason == "circuit_open":
            return CircuitOpen(failure_class="overloaded", **call)
        return RateLimited(failure_class="rate_limited", **call)

    def _note_at_gates(self, attempt: Attempt, failure: Failure) -> None:
        if failure.failure_class == "timeout" and self.course.left_s < SHORTEST_S:
            self.runner.gates.left(attempt.hop)  # it was our deadline: the provider may have needed no longer
        else:
            self.runner.gates.failed(attempt.hop, failure.failure_class, failure.retry_after_s)

    def _tell_health(self, attempt: Attempt, failure: Failure | None = None) -> None:
        self.runner.note_key(attempt.grant, self.record.user_id, attempt.hop, failure)

    # ------------------------------------------------------------------ the end

    def _is_open(self) -> bool:
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # or the error would hold itself, by the frames of its traceback
        return self.record.outcome == "under_way"

    def _pause_due(self) -> float:
        """Return the seconds to wait now; none if the circuit will not let through what is waited for."""
        pause, self._pause = self._pause, 0.0
        return 0.0 if pause and self.runner.gates.stays_shut(self.course.hop, pause) else pause

    def _end(self, outcome: Ending, error: PointsmanError | None = None) -> None:
        record = self.record
        record.outcome, self._error = outcome, error
        record.ms = (self.runner.clock.now() - self._began) * MS
        if self.runner.tell is not None:
            self.runner.tell(record)

    def _interrupted(self, error: BaseException) -> None:
        """Note that the call ended while it waited for its next attempt."""
        if self._is_through:
            self.runner.gates.left(self.course.hop)
        self._end("failed" if isinstance(error, Exception) else "cancelled")

    def _about(self, hop: Hop) -> dict[str, Any]:
        return {
            "feature": self.course.plan.feature.name,
            "provider": hop.route.provider,
            "model": hop.route.model,
            "payer": hop.payer,
            "attempts": self.course.made,
            "decision": self.record.evidence(),
        }
