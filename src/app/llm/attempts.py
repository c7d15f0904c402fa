"""One call's budget of attempts and time, and what its failures become."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from app.errors import ConfigurationError
from app.llm.catalog.model import ATTEMPTS_PER_HOP
from app.llm.failures import RETRIED, NotAnAnswer, bare, classify, own_error, rebuilt

if TYPE_CHECKING:
    from types import TracebackType

    from app.errors import FailureClass, PointsmanError
    from app.llm.clients.door import Ticket
    from app.llm.failures import Failure
    from app.llm.planning import Hop, Plan

LONGEST_PAUSE_S = 0.5
"""Seconds. A retry waits a random part of this (full jitter), so that callers don't come back in step.

A provider that asks for more (Retry-After) isn't asked again by this call: the error says when to come back.
"""

SHORTEST_S = 0.001
"""Seconds. With less left, nothing is sent: SDKs count in milliseconds, and take 0 for no limit at all."""

OF_THE_CALLER: Final[frozenset[FailureClass]] = frozenset(
    {"unknown", "malformed_response", "invalid_request"}
)
"""What a failure that no provider was asked for looks like: an argument that an SDK can't render, say."""


class Attempts:
    """The attempts that one call of a plan may still make, and the moment at which it has to end.

    This is the only owner of retries: the SDKs' own are switched off (R10). An attempt runs in a block of
    `with attempts.at(hop)`, which keeps what it raises; behind the block, `pause` says what comes of it.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ends = time.monotonic() + plan.deadline_s
        self._most = plan.feature.row.attempts or ATTEMPTS_PER_HOP
        self._ticket: Ticket | None = None
        self._heard: list[str] = []
        self._outcome: float | PointsmanError = 0.0
        self.started = False
        """Whether a chunk of a stream was handed on: it can't be unsaid, so nothing is tried again (R13)."""
        self.made = 0

    def at(self, hop: Hop) -> Attempt:
        """Return the block of the next attempt."""
        return Attempt(self, hop)

    def under(self, ticket: Ticket) -> Ticket:
        """Return the ticket of the attempt that begins, after a note of it."""
        self._ticket = ticket
        return ticket

    def heard(self, text: str) -> None:
        """Note the text of a chunk that is handed on."""
        self.started = True
        self._heard.append(text)

    def time_left(self, hop: Hop) -> float | None:
        """Return the seconds left, or None if the hop's own timeout ends before the deadline.

        :raises TimeoutError: none is left, as building the first client of a process may take longer.
        """
        left = self._ends - time.monotonic()
        if left < SHORTEST_S:
            raise TimeoutError("the deadline passed before anything was sent")
        return left if left < hop.timeout_s else None

    def pause(self) -> float:
        """Return how many seconds to wait before the same hop is tried again.

        It is asked outside of every `except`, so that what it raises holds nothing of an SDK (R17).

        :raises PointsmanError: the call has failed for good.
        """
        outcome, self._outcome = self._outcome, 0.0
        if isinstance(outcome, float):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # or the error would hold itself, by the frames of its traceback

    def kept(self, error: Exception, hop: Hop) -> bool:
        """Keep what a failed attempt comes to, for `pause`; False: the error is the caller's, as it is."""
        self.made += 1
        ticket, self._ticket = self._ticket, None
        own = own_error(error)
        if own is not None:
            self._outcome = bare(own)
            return own is not error or not isinstance(own, ConfigurationError)
        asked = (ticket is not None and ticket.admitted) or isinstance(error, NotAnAnswer)
        secret = ticket.key if ticket is not None else None
        failure = classify(error, answered=asked, secret=secret)
        if not asked and failure.status is None and failure.failure_class in OF_THE_CALLER:
            return False
        again = self._pause_for(failure)
        self._outcome = again if again is not None else self._failed(failure, error, hop, secret)
        return True

    def _pause_for(self, failure: Failure) -> float | None:
        """Return the seconds until another attempt, or None if there is none."""
        if self.started or self.made >= self._most or failure.failure_class not in RETRIED:
            return None
        asked_for = failure.retry_after_s or 0.0
        pause = max(asked_for, random.uniform(0, LONGEST_PAUSE_S))  # noqa: S311 - spreads load, hides nothing
        in_time = time.monotonic() + pause < self._ends
        return pause if asked_for <= LONGEST_PAUSE_S and in_time else None

    def _failed(self, failure: Failure, error: Exception, hop: Hop, secret: str | None) -> PointsmanError:
        call = {
            "feature": self._plan.feature.name,
            "provider": hop.route.provider,
            "model": hop.route.model,
            "payer": hop.payer,
            "attempts": self.made,
        }
        partial = "".join(self._heard) if self.started else None
        return rebuilt(failure, error, partial=partial, secret=secret, call=call)


class Attempt:
    """The block of one attempt. It ends without the exception that ended it, unless that is the caller's."""

    __slots__ = ("_attempts", "_hop")

    def __init__(self, attempts: Attempts, hop: Hop) -> None:
        self._attempts, self._hop = attempts, hop

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        # A cancellation, an interrupt and the end of a generator are no failures of a provider.
        return isinstance(error, Exception) and self._attempts.kept(error, self._hop)
