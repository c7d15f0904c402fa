"""From what is known of a failure to the error that reaches the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.errors import (
    ConfigurationError,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    MalformedResponse,
    ModelCallFailed,
    PlatformKeyRejected,
    PointsmanError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    StreamBroken,
    UserKeyRejected,
)
from app.llm.failures.facts import chain_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass, Original
    from app.llm.failures.meaning import Failure

KINDS: Final[Mapping[FailureClass, type[ModelCallFailed]]] = {
    "timeout": ProviderTimeout,
    "rate_limited": RateLimited,
    "overloaded": ProviderUnavailable,
    "connection": ProviderUnavailable,
    "invalid_request": InvalidRequest,
    "context_length": ContextTooLong,
    "content_filter": ContentFiltered,
    "malformed_response": MalformedResponse,
    "cancelled": ModelCallFailed,
    "unknown": ModelCallFailed,
}
"""Failure class -> error, for those that don't speak of a key or of a stream."""

SPEAK_FOR_THEMSELVES: Final[frozenset[FailureClass]] = frozenset(
    {"auth", "permission", "quota", "invalid_request", "context_length", "content_filter"}
)
"""Classes that are still what a caller has to know when they end a stream that had begun."""


def rebuilt(
    failure: Failure, original: Original, *, partial: str | None, call: Mapping[str, Any]
) -> ModelCallFailed:
    """Return the error of a failed call, which holds nothing of what was raised but its redacted form (R17).

    `partial`: the text that had arrived (None: no stream had begun). `call`: the feature, provider, model,
    payer, attempts and decision.
    """
    known: dict[str, Any] = {
        "status": failure.status,
        "code": failure.code,
        "retry_after_s": failure.retry_after_s,
        "request_id": failure.request_id,
        "guessed": failure.guessed,
        "original": original,
        **call,
    }
    what = failure.failure_class
    if what == "stream_broken" or (partial is not None and what not in SPEAK_FOR_THEMSELVES):
        return StreamBroken(partial=partial or "", broken_by=what, **known)
    if failure.reason is not None:
        rejected = UserKeyRejected if call["payer"] == "user" else PlatformKeyRejected
        return rejected(reason=failure.reason, failure_class=what, **known)
    return KINDS[what](failure_class=what, **known)


def own_error(error: BaseException) -> PointsmanError | None:
    """Return our own error if an SDK has wrapped one, as it does with a refusal of the transport."""
    return next((one for one in chain_of(error) if isinstance(one, PointsmanError)), None)


def bare(error: PointsmanError) -> PointsmanError:
    """Return our own error without the frames and causes that it collected on its way through an SDK.

    What is wrong with the configuration keeps them: it is found before a key is at hand.
    """
    if not isinstance(error, ConfigurationError):
        error.__cause__ = error.__context__ = None
        error.__traceback__ = None
    return error
