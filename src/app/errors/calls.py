"""What became of a call to a model that failed: rebuilt from safe fields, whoever raised what (R17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from app.errors.root import PointsmanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.errors.original import Original

Payer = Literal["platform", "user"]

FailureClass = Literal[
    "timeout",
    "rate_limited",
    "overloaded",
    "auth",
    "permission",
    "quota",
    "invalid_request",
    "context_length",
    "content_filter",
    "malformed_response",
    "stream_broken",
    "connection",
    "cancelled",
    "unknown",
]
"""What a failed attempt means to a plan."""

KeyReason = Literal["invalid", "permission", "quota", "billing"]
"""Why a provider refuses a key: it isn't one, it may not do this, it is used up, or nobody paid for it."""

TOLD_TO_USERS: Final[Mapping[KeyReason, str]] = {
    "invalid": "the provider doesn't accept your key; check it, or make a new one",
    "permission": "the provider doesn't let your key do this; check what your account there may use",
    "quota": "the quota of your key is used up; raise its limit at the provider, or wait until it is renewed",
    "billing": "your account at the provider has no credit or no billing; add it there",
}
"""What the user whose key it is may see."""


class ModelCallFailed(PointsmanError):
    """A call failed. All that it carries is safe to show; it holds nothing of an SDK, no cause, no context.

    `status` is the answer's HTTP status, or the one that a provider wrote into the body of a 200. `code` is
    the provider's own word for it, if it looks like one; `retry_after_s` are seconds. `guessed`: only a
    message's text told what this is. `original` is what was raised, redacted, for debugging. `decision` is
    the record of the call as plain data: plan, attempts with their hops and classes, hops passed over.
    """

    http_status = 502
    public_message = "the model could not answer"
    public_fields: tuple[str, ...] = ("provider", "retry_after_s")

    def __init__(  # noqa: PLR0913 - one field each of what a reader of the error needs
        self,
        *,
        feature: str,
        provider: str,
        model: str,
        payer: Payer,
        failure_class: FailureClass,
        status: int | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
        request_id: str | None = None,
        attempts: int = 1,
        guessed: bool = False,
        original: Original | None = None,
        decision: Mapping[str, Any] | None = None,
    ) -> None:
        self.feature, self.provider, self.model = feature, provider, model
        self.payer, self.failure_class, self.status, self.attempts = payer, failure_class, status, attempts
        self.code, self.retry_after_s, self.request_id = code, retry_after_s, request_id
        self.guessed, self.original = guessed, original
        self.decision: Mapping[str, Any] = decision or {}
        answer = f" (HTTP {status})" if status else ""
        super().__init__(
            f"feature {feature!r}: {failure_class}{answer} from provider {provider!r}, model {model!r}, "
            f"paid by the {payer}, after {attempts} attempt{'' if attempts == 1 else 's'}{self._more()}"
        )

    def _more(self) -> str:
        known = {
            "code": self.code,
            "retry after": None if self.retry_after_s is None else f"{self.retry_after_s:g} s",
            "request": self.request_id,
            "guessed from": "the text of its message" if self.guessed else None,
            "before that": ", ".join(self._before()) or None,
        }
        said = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
        return f"; {said}" if said else ""

    def _before(self) -> Iterator[str]:
        """Yield what became of the other hops."""
        for one in self.decision.get("attempts", ()):
            if (one["provider"], one["model"]) != (self.provider, self.model):
                yield f"{one.get('class', one['outcome'])} from {one['provider']!r}"
        for one in self.decision.get("passed_over", ()):
            yield f"{one['provider']!r} passed over ({one['reason']})"


class KeyRejected(ModelCallFailed):
    """The provider refused a key. `reason` says why."""

    def __init__(self, *, reason: KeyReason, **fields: Any) -> None:
        self.reason = reason
        super().__init__(**fields)


class UserKeyRejected(KeyRejected):
    """The provider refused the user's own key. It never falls through to the platform's by itself (R9)."""

    http_status = 403
    public_message = "the provider refused your key"
    public_fields: tuple[str, ...] = ("provider", "reason", "retry_after_s")

    def __init__(self, *, reason: KeyReason, **fields: Any) -> None:
        super().__init__(reason=reason, **fields)
        self.public_message = TOLD_TO_USERS[reason]
        if reason in {"quota", "billing"}:
            self.http_status = 402


class PlatformKeyRejected(KeyRejected):
    """The provider refused the platform's key: an operator has to look at it."""

    http_status = 503
    public_message = "this service can't be used at the moment; try again later"
    public_fields: tuple[str, ...] = ()


class RateLimited(ModelCallFailed):
    """Too many requests at this provider for now; `retry_after_s` says when to come back, if it did."""

    http_status = 429
    public_message = "too many requests at the moment; try again later"


class ProviderTimeout(ModelCallFailed):
    """No answer in time."""

    http_status = 504
    public_message = "the model took too long to answer; try again later"


class ProviderUnavailable(ModelCallFailed):
    """The provider is overloaded or broken, or can't be reached."""

    http_status = 503
    public_message = "the model can't be reached at the moment; try again later"


class CircuitOpen(ProviderUnavailable):
    """All hops that could serve failed so often just now that their circuits are open: nobody was asked."""


class InvalidRequest(ModelCallFailed):
    """The provider would not take this request: it is wrong, or sent to a wrong address."""

    http_status = 400
    public_message = "the model can't handle this request"


class ContextTooLong(InvalidRequest):
    """The request is longer than the model or its provider takes."""

    http_status = 413
    public_message = "this is too long for the model"


class ContentFiltered(ModelCallFailed):
    """The provider's rules about content refused the request or its answer."""

    http_status = 422
    public_message = "the provider's rules about content don't allow this"


class MalformedResponse(ModelCallFailed):
    """An answer came that can't be read as one."""

    public_message = "the model's answer could not be read; try again"


class StreamBroken(ModelCallFailed):
    """A stream ended before its time. `partial` is the text that had arrived, and is nobody's whole answer.

    `broken_by` is what broke it. How many tokens were used is not known.
    """

    public_message = "the model's answer broke off; try again"

    def __init__(self, *, partial: str, broken_by: FailureClass, **fields: Any) -> None:
        self.partial, self.broken_by = partial, broken_by
        super().__init__(failure_class="stream_broken", **fields)

    def _more(self) -> str:
        return f", by {self.broken_by}{super()._more()}"
