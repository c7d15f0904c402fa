"""What a failed attempt leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.llm.failures import NotAnAnswer, classify, own_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import FailureClass, PointsmanError
    from app.llm.failures import Failure
    from app.llm.running.attempt import Attempt

OF_THE_CALLER: frozenset[FailureClass] = frozenset({"unknown", "malformed_response", "invalid_request"})
"""What a failure that no provider was asked for looks like: an argument that an SDK can't render, say."""


class Failed(NamedTuple):
    """A failed attempt, and what made it fail.

    `failure` is None where no provider failed; `becomes` makes the error of a call that ends with this.
    """

    attempt: Attempt
    error: Exception
    failure: Failure | None = None
    becomes: Callable[[], PointsmanError] | None = None


def failure_of(attempt: Attempt, error: Exception) -> Failure | None:
    """Return what failed, after a note of it. None: no provider did, the error is ours or the caller's."""
    if own_error(error) is not None:
        return None
    asked = attempt.admitted or isinstance(error, NotAnAnswer)
    failure = classify(error, answered=asked, secret=attempt.secret)
    attempt.note(failure)
    of_caller = attempt.at_hand and not asked and failure.status is None
    return None if of_caller and failure.failure_class in OF_THE_CALLER else failure
