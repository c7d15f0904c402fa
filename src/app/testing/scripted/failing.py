"""Scripted failures: a failure class becomes what a real provider's SDK would raise for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from app.errors import (
    ContentFiltered,
    ContextTooLong,
    FailureClass,
    InvalidRequest,
    KeyRejected,
    MalformedResponse,
    ModelCallFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    StreamBroken,
)
from app.llm.failures import NothingInAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

SAID: Final[Mapping[str, tuple[int, str | None]]] = {
    "auth": (401, "invalid_api_key"),
    "permission": (403, None),
    "quota": (429, "insufficient_quota"),
    "rate_limited": (429, "rate_limit_exceeded"),
    "overloaded": (503, None),
    "invalid_request": (400, None),
    "context_length": (400, "context_length_exceeded"),
    "content_filter": (400, "content_filter"),
    "cancelled": (499, None),
}
"""Failure class -> status and code with which OpenAI says it."""

BY_ERROR: Final[tuple[tuple[type[ModelCallFailed], FailureClass], ...]] = (
    (KeyRejected, "auth"),
    (RateLimited, "rate_limited"),
    (ProviderTimeout, "timeout"),
    (ProviderUnavailable, "overloaded"),
    (ContextTooLong, "context_length"),
    (InvalidRequest, "invalid_request"),
    (ContentFiltered, "content_filter"),
    (MalformedResponse, "malformed_response"),
    (StreamBroken, "stream_broken"),
)
"""Our errors, and the failure class that ends in each."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A scripted failure, by its class. Through a routed model it becomes the error of a real call.

    `retry_after_s` is what the provider says of when to come back, in seconds; `after` is the text that a
    stream brings before it fails.
    """

    failure_class: FailureClass
    retry_after_s: float | None = None
    after: str = ""

    def __post_init__(self) -> None:
        if self.failure_class not in get_args(FailureClass) or self.failure_class == "unknown":
            known = sorted(set(get_args(FailureClass)) - {"unknown"})
            raise ValueError(
                f"no failure {self.failure_class!r} can be scripted; there are: {', '.join(known)}"
            )

    def error(self) -> Exception:
        """Return what an SDK raises for it."""
        import httpx2
        import openai

        request = httpx2.Request("POST", "https://scripted.invalid/v1/chat/completions")
        if self.failure_class == "timeout":
            return openai.APITimeoutError(request)
        if self.failure_class == "malformed_response":
            return NothingInAnswer("what came is no answer")
        if self.failure_class not in SAID:
            return openai.APIConnectionError(message="the connection broke", request=request)
        return self._status_error(request)

    def _status_error(self, request: httpx2.Request) -> Exception:
        import httpx2
        import openai

        status, code = SAID[self.failure_class]
        after = {} if self.retry_after_s is None else {"retry-after": f"{self.retry_after_s:g}"}
        response = httpx2.Response(status, headers=after, request=request)
        body = {"message": f"scripted: {self.failure_class}", "code": code}
        return openai.APIStatusError(body["message"] or "", response=response, body=body)


def failure_of(kind: type[BaseException]) -> Failing | None:
    """Return the failure that ends in one of our errors (None: the class isn't one of a failed call)."""
    return next((Failing(name) for error, name in BY_ERROR if issubclass(kind, error)), None)
