"""One call's budget of attempts and time, and what its failures become."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from app.errors import ModelCallFailed, PlatformKeyRejected, PointsmanError, UserKeyRejected
from app.llm.catalog.model import ATTEMPTS_PER_HOP
from app.llm.failures import REJECTED_KEY, RETRIED, Failure, classify

if TYPE_CHECKING:
    from app.llm.planning import Hop, Plan

LONGEST_PAUSE_S = 0.5
"""Seconds. A retry waits a random part of this (full jitter), so that callers don't come back in step."""


class Attempts:
    """The attempts that one call of a plan may still make, and the moment at which it has to end.

    This is the only owner of retries: the SDKs' own are switched off (R10).
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ends = time.monotonic() + plan.deadline_s
        self._most = plan.feature.row.attempts or ATTEMPTS_PER_HOP
        self.made = 0

    def time_left(self, hop: Hop) -> float | None:
        """Return the seconds left, or None if the hop's own timeout ends before the deadline."""
        left = self._ends - time.monotonic()
        return left if left < hop.timeout_s else None

    def after(self, error: Exception, hop: Hop, *, started: bool = False) -> float:
        """Return how many seconds to wait before the same hop is tried again.

        Behind a stream's first chunk (`started`) nothing is tried again: it can't be unsaid (R13).

        :raises ModelCallFailed: the call has failed for good; its cause is `error`.
        """
        self.made += 1
        own = _own_error(error)
        if own is not None:
            raise own
        failure = classify(error)
        if failure.failure_class == "unknown":
            raise error
        pause = random.uniform(0, LONGEST_PAUSE_S)  # noqa: S311 - spreads load, hides nothing
        again = self.made < self._most and not started and failure.failure_class in RETRIED
        if again and time.monotonic() + pause < self._ends:
            return pause
        raise self._failed(failure, hop) from error

    def _failed(self, failure: Failure, hop: Hop) -> ModelCallFailed:
        kind = ModelCallFailed
        if failure.failure_class in REJECTED_KEY:
            kind = UserKeyRejected if hop.payer == "user" else PlatformKeyRejected
        return kind(
            feature=self._plan.feature.name,
            provider=hop.route.provider,
            model=hop.route.model,
            payer=hop.payer,
            failure_class=failure.failure_class,
            status=failure.status,
            attempts=self.made,
        )


def _own_error(error: BaseException | None) -> PointsmanError | None:
    """Return our own error if an SDK has wrapped one, as it does with a refusal of the transport."""
    while error is not None:
        if isinstance(error, PointsmanError):
            return error
        error = error.__cause__
    return None
