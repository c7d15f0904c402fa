"""What providers say when they give no answer: each protocol's own status, words and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.testing.faults.asked import Protocol


class Said(NamedTuple):
    """An error as a provider words it: `kind` is its type or status, `code` its specific word, if any."""

    status: int
    kind: str
    message: str
    code: str | None = None


OPENAI: Final[Mapping[str, Said]] = {
    "rate_limited": Said(429, "requests", "Rate limit reached for this model.", "rate_limit_exceeded"),
    "server_error": Said(500, "server_error", "The server had an error while processing your request."),
    "unavailable": Said(503, "server_error", "The service is unavailable for the moment."),
    "overloaded": Said(529, "server_error", "The engine is currently overloaded.", "engine_overloaded"),
    "bad_key": Said(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key"),
    "unpaid": Said(402, "insufficient_quota", "Insufficient credits.", "insufficient_credits"),
    "forbidden": Said(
        403, "request_forbidden", "Your region is not supported.", "unsupported_country_region_territory"
    ),
    "invalid_request": Said(400, "invalid_request_error", "Invalid value: 'messages'.", "invalid_value"),
    "context_overflow": Said(
        400,
        "invalid_request_error",
        "This model's maximum context length is 128000 tokens, and your messages have 130000.",
        "context_length_exceeded",
    ),
    "content_filter": Said(
        400,
        "invalid_request_error",
        "The prompt was flagged by our usage policy.",
        "content_policy_violation",
    ),
    "not_found": Said(404, "invalid_request_error", "The model does not exist.", "model_not_found"),
}

ANTHROPIC: Final[Mapping[str, Said]] = {
    "rate_limited": Said(429, "rate_limit_error", "This request would exceed your rate limit."),
    "server_error": Said(500, "api_error", "Internal server error"),
    "unavailable": Said(503, "api_error", "Service unavailable"),
    "overloaded": Said(529, "overloaded_error", "Overloaded"),
    "bad_key": Said(401, "authentication_error", "invalid x-api-key"),
    "unpaid": Said(402, "billing_error", "Your credit balance is too low."),
    "forbidden": Said(403, "permission_error", "Your API key does not have permission for this."),
    "invalid_request": Said(400, "invalid_request_error", "messages.0.content: Input should be a valid list"),
    "context_overflow": Said(
        400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"
    ),
    "content_filter": Said(400, "invalid_request_error", "Output blocked by content filtering policy"),
    "not_found": Said(404, "not_found_error", "model: not found"),
}

GEMINI: Final[Mapping[str, Said]] = {
    "rate_limited": Said(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
    "server_error": Said(500, "INTERNAL", "An internal error has occurred."),
    "unavailable": Said(503, "UNAVAILABLE", "The service is currently unavailable."),
    "overloaded": Said(503, "UNAVAILABLE", "The model is overloaded."),
    "bad_key": Said(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID"),
    "unpaid": Said(403, "PERMISSION_DENIED", "This project has no billing enabled.", "BILLING_DISABLED"),
    "forbidden": Said(
        403, "PERMISSION_DENIED", "This API key may not be used for this.", "API_KEY_SERVICE_BLOCKED"
    ),
    "invalid_request": Said(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "context_overflow": Said(
        400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed."
    ),
    "not_found": Said(404, "NOT_FOUND", "The model is not found."),
}

SAID: Final[Mapping[Protocol, Mapping[str, Said]]] = {
    "openai_compatible": OPENAI,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
}
BLOCKED: Final[Mapping[str, Any]] = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 1000, "totalTokenCount": 1000},
}
"""Gemini refuses a prompt with a success, and without an answer in it."""
PROXY_PAGE: Final = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
    b"<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
)
"""What a proxy says for a provider that it can't reach: no JSON, and no error object."""


def body_of(protocol: Protocol, said: Said, retry_in_s: float | None = None) -> dict[str, Any]:
    """Return an error as a protocol shapes it; Gemini says in its body when to come back (seconds)."""
    if protocol == "anthropic":
        error: dict[str, Any] = {"type": said.kind, "message": said.message}
        return {"type": "error", "error": error, "request_id": "req_drill"}
    if protocol == "openai_compatible":
        return {"error": {"message": said.message, "type": said.kind, "param": None, "code": said.code}}
    details: list[dict[str, Any]] = []
    if said.code is not None:
        info = "type.googleapis.com/google.rpc.ErrorInfo"
        details.append({"@type": info, "reason": said.code, "domain": "googleapis.com"})
    if retry_in_s is not None:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_in_s:g}s"}
        )
    error = {"code": said.status, "message": said.message, "status": said.kind}
    return {"error": error | ({"details": details} if details else {})}
