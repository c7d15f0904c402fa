"""The block of one attempt: what runs in it, what it is told, and what it says of how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from app.llm.failures import NotAnAnswer, NothingInAnswer, Unparsed, own_error
from app.llm.failures.finishing import finish_of
from app.llm.running.course import SHORTEST_S
from app.llm.running.hearing import Hearing
from app.llm.running.judging import UNREADABLE_CALL, check_finish, problem_with
from app.llm.running.record import MS, AttemptRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_core.runnables import Runnable

    from app.llm.clients.door import Ticket
    from app.llm.clients.patience import Patience
    from app.llm.clients.spec import Grant
    from app.llm.failures import Failure
    from app.llm.planning import Hop
    from app.llm.running.course import Course
    from app.llm.running.record import CallRecord, Ending
    from app.llm.running.runner import Runner
    from app.llm.running.terms import Terms


class Told(Protocol):
    """Who is told how an attempt goes, and decides what comes next: its call, or a race of two attempts."""

    def serves(self, attempt: Attempt) -> None:
        """Note that its answer is the one that is handed on."""
        ...

    def succeeded(self, attempt: Attempt) -> None:
        """Note that it served."""
        ...

    def stopped(self, attempt: Attempt, how: Ending) -> None:
        """Note that nobody wants its answer any more."""
        ...

    def failed(self, attempt: Attempt, error: Exception) -> bool:
        """Note a failure; False: the error is the caller's, as it is."""
        ...


class Owner(Told, Protocol):
    """The call that an attempt is made for."""

    runner: Runner
    terms: Terms
    course: Course
    record: CallRecord


class Attempt:
    """One request to one provider, as a block. What it raises ends there, and the call says what comes of it.

    What passes: errors of the caller (an argument that no SDK can render), a cancellation, an interrupt, and
    the end of a generator, which are no failures of a provider.
    """

    __slots__ = (
        "_began",
        "_call",
        "_patience",
        "_serves",
        "_ticket",
        "at_hand",
        "heard",
        "hop",
        "parser",
        "record",
        "result",
        "told",
    )

    def __init__(self, call: Owner, hop: Hop) -> None:
        self._call, self.hop = call, hop
        self.told: Told = call
        """Who is told how it goes."""
        self.record = AttemptRecord(hop.number, hop.route.provider, hop.route.model, hop.payer)
        self.parser: Runnable[Any, Any] | None = None
        """What parses the structured answer that was wished for, in this hop's way."""
        self.at_hand = False
        """Whether the hop's client is there, so that what goes wrong now may be the caller's arguments."""
        self.heard: Hearing | None = None
        """What was heard of a stream."""
        self.result: ChatResult | None = None
        """A whole answer that came, and isn't what was asked for."""
        self._ticket: Ticket | None = None
        self._patience: Patience | None = None
        self._serves = False
        self._began = call.runner.clock.now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            return self._ended_with(error)
        finally:
            self._ticket = None  # it knows the key, and this object stands in the frames of what is raised

    def _ended_with(self, error: BaseException | None) -> bool:
        self.measure()
        if isinstance(error, Exception):
            failure = self._failure(error)
            if failure is not None:
                return self.told.failed(self, failure)
            self.told.succeeded(self)
            return True
        if error is None or (isinstance(error, GeneratorExit) and self._is_complete):
            self.told.succeeded(self)
        else:
            self.told.stopped(self, "abandoned" if isinstance(error, GeneratorExit) else "cancelled")
        return False

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return self._call.runner.clock.now() - self._began

    @property
    def admitted(self) -> bool:
        """Whether a request has left the process."""
        return self._ticket is not None and self._ticket.admitted

    @property
    def secret(self) -> str | None:
        """The key that a request carried: to be cut out of what failed."""
        return None if self._ticket is None else self._ticket.key

    @property
    def grant(self) -> Grant | None:
        """The leave under which the request was sent."""
        return None if self._ticket is None else self._ticket.grant

    def under(self, ticket: Ticket) -> Ticket:
        """Return the ticket of this attempt, after a note of it."""
        self._ticket = ticket
        return ticket

    def patience(self) -> Patience:
        """Return the time limits of this attempt, which begin now.

        :raises TimeoutError: the deadline has passed.
        """
        self._patience = self._call.course.patience(self.hop, streaming=self._call.terms.streaming)
        return self._patience

    def time_left(self) -> float | None:
        """Return the seconds until the deadline, None if the hop's own time-out ends before it."""
        left = self._call.course.left_s
        return max(left, SHORTEST_S) if left < self.hop.timeout_s else None

    def hearing(self) -> Hearing:
        """Return what listens to the stream of this attempt."""
        joins = self.parser is not None and not self._call.terms.keeps_raw
        self.heard = Hearing(self._first, self._last, self._patience, joins=joins)
        return self.heard

    def note(self, failure: Failure) -> None:
        """Write down what a failure was."""
        record = self.record
        record.failure_class, record.status = failure.failure_class, failure.status
        record.request_id = failure.request_id or record.request_id

    def answered(self, result: ChatResult) -> ChatResult:
        """Return a whole answer with the record of the call, if it is one.

        :raises NotAnAnswer: it is empty, was refused or broke off, or isn't of the schema.
        """
        if not result.generations:  # LangChain would look for the first one, where no failure is classified
            raise NothingInAnswer("the answer holds no message")
        for generation in result.generations:
            check_finish(finish_of(generation.message, generation.generation_info, result.llm_output))
        self.result = result
        for generation in result.generations:
            self._check(generation.message)
        return self.stamped(result)

    def stamped(self, result: ChatResult) -> ChatResult:
        """Return an answer with the record of the call."""
        stamp = {**self._first(), **self._last()}
        for generation in result.generations:
            generation.message.response_metadata["pointsman"] = stamp
        return result

    def ended(self) -> Sequence[ChatGenerationChunk]:
        """Return what of a stream is still to be handed on at its end.

        :raises NotAnAnswer: it has no finish reason, or isn't of a schema that the caller insists on.
        """
        if self.heard is None:
            return ()
        if self.heard.finish is not None and not self._call.terms.keeps_raw:
            # Before anything else is released: what nobody has seen can still be asked for again.
            if self.heard.unreadable_call:
                raise Unparsed(UNREADABLE_CALL)
            whole = self.heard.whole
            if whole is not None:
                self._check(whole)
        return self.heard.ended()

    def _check(self, message: BaseMessage) -> None:
        problem = problem_with(message, self.parser)
        if problem is not None:
            raise Unparsed(problem, message)

    @property
    def _is_complete(self) -> bool:
        """Whether the provider has said that its stream is done: who stops listening then has it all."""
        return self.heard is not None and self.heard.finish is not None and self.heard.begun

    def _failure(self, error: Exception) -> Exception | None:
        """Return what failed; None: what breaks behind a stream's finish reason breaks no answer."""
        if not self._is_complete or isinstance(error, NotAnAnswer) or own_error(error) is not None:
            return error
        try:
            self.ended()
        except NotAnAnswer as misfit:
            return misfit
        return None

    def _first(self) -> dict[str, Any]:
        """Return who serves and who pays. A caller's own model is meant for the first hop (R4)."""
        self._begin_to_serve()
        model = self._call.terms.model if self.hop.number == 1 else None
        return self._call.record.stamp(self.hop, model)

    def _last(self) -> dict[str, Any]:
        """Return the evidence as it is when the answer is complete: this attempt has served."""
        self._begin_to_serve()
        self.measure()
        self.record.outcome = "answered"
        self._call.record.served_by = self.hop.number
        return self._call.record.evidence()

    def _begin_to_serve(self) -> None:
        if not self._serves:
            self._serves = True
            self.told.serves(self)

    def measure(self) -> None:
        """Write down how long it has taken until now, and whether a request has left.

        Of one that lost a race that is known already, and may have been told.
        """
        record, ticket = self.record, self._ticket
        if record.outcome == "cancelled":
            return
        record.ms = self.seconds * MS
        if ticket is not None:
            record.requests, record.request_id = ticket.requests, ticket.request_id or record.request_id
