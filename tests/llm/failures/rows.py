"""What providers answer when something is wrong, and what each answer means: one row a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.errors import (
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    MalformedResponse,
    ModelCallFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UserKeyRejected,
)
from tests.llm.failures.wordings import (
    ANTHROPIC,
    GEMINI,
    OPENAI,
    RETRY_IN_A_MINUTE,
    TOO_LONG_BEHIND,
    anthropic,
    gemini,
    openai,
    openrouter,
    reason,
    used_up,
)
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Row:
    """An answer of one protocol, and the error that it becomes, with the fields that it has to carry."""

    name: str
    protocol: str
    answer: Answer
    kind: type[ModelCallFailed]
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.protocol}: {self.name}"


KEYS = [
    Row("a wrong key", OPENAI, openai(401, "invalid_api_key"), UserKeyRejected, {"reason": "invalid"}),
    Row(
        "a wrong key",
        ANTHROPIC,
        anthropic(401, "authentication_error"),
        UserKeyRejected,
        {"reason": "invalid"},
    ),
    Row(
        "a wrong key",
        GEMINI,
        gemini(400, "INVALID_ARGUMENT", "API key not valid", reason("API_KEY_INVALID")),
        UserKeyRejected,
        {"reason": "invalid", "code": "API_KEY_INVALID", "guessed": False, "status": 400},
    ),
    Row(
        "another country",
        OPENAI,
        openai(403, "unsupported_country"),
        UserKeyRejected,
        {"reason": "permission"},
    ),
    Row(
        "no permission",
        ANTHROPIC,
        anthropic(403, "permission_error"),
        UserKeyRejected,
        {"reason": "permission"},
    ),
    Row("no permission", GEMINI, gemini(403, "PERMISSION_DENIED"), UserKeyRejected, {"reason": "permission"}),
    Row(
        "another network",
        OPENAI,
        openai(401, "ip_not_authorized"),
        UserKeyRejected,
        {"reason": "permission", "http_status": 403},
    ),
    Row(
        "nothing left",
        OPENAI,
        openai(429, "insufficient_quota", type="insufficient_quota"),
        UserKeyRejected,
        {"reason": "quota", "code": "insufficient_quota", "failure_class": "quota", "http_status": 402},
    ),
    Row("not paid", OPENAI, openai(429, "billing_not_active"), UserKeyRejected, {"reason": "billing"}),
    Row("not paid", OPENAI, openrouter(402), UserKeyRejected, {"reason": "billing", "http_status": 402}),
    Row("not paid", ANTHROPIC, anthropic(402, "billing_error"), UserKeyRejected, {"reason": "billing"}),
    Row(
        "not paid, said by a text",
        ANTHROPIC,
        anthropic(400, "invalid_request_error", "Your credit balance is too low to access the API."),
        UserKeyRejected,
        {"reason": "billing", "guessed": True},
    ),
    Row(
        "a spend limit, said by a text",
        ANTHROPIC,
        anthropic(400, "invalid_request_error", "You have reached your specified API usage limits."),
        UserKeyRejected,
        {"reason": "quota", "guessed": True, "http_status": 402},
    ),
    Row(
        "nobody's account, said by a text",
        ANTHROPIC,
        anthropic(400, "invalid_request_error", "This organization has been disabled."),
        UserKeyRejected,
        {"reason": "permission", "guessed": True},
    ),
    Row(
        "nothing is free there, said by a text",
        GEMINI,
        gemini(400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country."),
        UserKeyRejected,
        {"reason": "billing", "guessed": True},
    ),
    Row("no credit", GEMINI, gemini(402, "RESOURCE_EXHAUSTED"), UserKeyRejected, {"reason": "billing"}),
    Row(
        "a spend limit",
        ANTHROPIC,
        anthropic(429, "rate_limit_error", code="enforced_spend_limit_reached"),
        UserKeyRejected,
        {"reason": "quota", "code": "enforced_spend_limit_reached"},
    ),
    Row(
        "nothing left today",
        GEMINI,
        gemini(
            429, "RESOURCE_EXHAUSTED", "quota", used_up("GenerateRequestsPerDayPerProject"), RETRY_IN_A_MINUTE
        ),
        UserKeyRejected,
        {"reason": "quota", "retry_after_s": 61.5},
    ),
    Row(
        "a model that is not free",
        GEMINI,
        gemini(429, "RESOURCE_EXHAUSTED", "quota", used_up("GenerateRequestsPerMinute-FreeTier", "0")),
        UserKeyRejected,
        {"reason": "quota"},
    ),
]

PASSING = [
    Row("too many requests", OPENAI, openai(429, "rate_limit_exceeded"), RateLimited, {"http_status": 429}),
    Row("too large for a minute", OPENAI, openai(413, "rate_limit_exceeded"), RateLimited),
    Row("too many requests", ANTHROPIC, anthropic(429, "rate_limit_error"), RateLimited),
    Row(
        "too many requests in a minute",
        GEMINI,
        gemini(
            429, "RESOURCE_EXHAUSTED", "q", used_up("GenerateRequestsPerMinutePerProject"), RETRY_IN_A_MINUTE
        ),
        RateLimited,
        {"retry_after_s": 61.5, "code": "RESOURCE_EXHAUSTED", "attempts": 1},
    ),
    Row("too much at once", OPENAI, openrouter(402, limit_source="openrouter_in_flight_budget"), RateLimited),
    Row(
        "a server error", OPENAI, openai(500, None, type="server_error"), ProviderUnavailable, {"status": 500}
    ),
    Row("the model is down", OPENAI, openrouter(502), ProviderUnavailable, {"failure_class": "overloaded"}),
    Row("overloaded", ANTHROPIC, anthropic(529, "overloaded_error"), ProviderUnavailable, {"status": 529}),
    Row("unavailable", GEMINI, gemini(503, "UNAVAILABLE"), ProviderUnavailable, {"code": "UNAVAILABLE"}),
    Row("a timeout", OPENAI, openrouter(408), ProviderTimeout, {"http_status": 504}),
    Row("a gateway's timeout", ANTHROPIC, anthropic(504, "timeout_error"), ProviderTimeout),
    Row("a slow body", ANTHROPIC, anthropic(400, "x", code="request_body_timeout"), ProviderTimeout),
    Row("a deadline", GEMINI, gemini(504, "DEADLINE_EXCEEDED"), ProviderTimeout),
    Row("cancelled", GEMINI, gemini(499, "CANCELLED"), ModelCallFailed, {"failure_class": "cancelled"}),
    Row("a proxy's password", OPENAI, Answer(b"", status=407), ProviderUnavailable),
]

REQUESTS = [
    Row("a wrong argument", OPENAI, openai(400, "unknown_parameter"), InvalidRequest, {"guessed": False}),
    Row("a wrong argument", ANTHROPIC, anthropic(400, "invalid_request_error"), InvalidRequest),
    Row("a wrong argument", GEMINI, gemini(400, "INVALID_ARGUMENT"), InvalidRequest, {"http_status": 400}),
    Row("no such model", OPENAI, openai(404, "model_not_found"), InvalidRequest, {"code": "model_not_found"}),
    Row("no such model", ANTHROPIC, anthropic(404, "not_found_error"), InvalidRequest),
    Row("no such model", GEMINI, gemini(404, "NOT_FOUND"), InvalidRequest, {"code": "NOT_FOUND"}),
    Row("a detail of the framework", OPENAI, Answer(b'{"detail": "no"}', status=422), InvalidRequest),
    *(
        Row("moved elsewhere", name, Answer(b"", status=302, headers={"location": "/x"}), InvalidRequest)
        for name in (OPENAI, ANTHROPIC, GEMINI)
    ),
    Row("too long", OPENAI, openai(400, "context_length_exceeded"), ContextTooLong, {"guessed": False}),
    Row(
        "too long, behind a broker",
        OPENAI,
        openrouter(400, raw=TOO_LONG_BEHIND),
        ContextTooLong,
        {"guessed": False},
    ),
    Row(
        "too long, said by a text",
        ANTHROPIC,
        anthropic(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        ContextTooLong,
        {"guessed": True, "http_status": 413},
    ),
    Row(
        "too long with its answer, said by a text",
        ANTHROPIC,
        anthropic(
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000",
        ),
        ContextTooLong,
        {"guessed": True},
    ),
    Row(
        "too many bytes, said by a text",
        GEMINI,
        gemini(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        ContextTooLong,
        {"guessed": True},
    ),
    Row("too many bytes", ANTHROPIC, anthropic(413, "request_too_large"), ContextTooLong, {"guessed": False}),
    Row(
        "too long, said by a text",
        GEMINI,
        gemini(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed"),
        ContextTooLong,
        {"guessed": True},
    ),
    Row(
        "filtered by Azure",
        OPENAI,
        openai(400, "content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
        ContentFiltered,
        {"code": "content_filter", "http_status": 422},
    ),
    Row("against the rules", OPENAI, openai(400, "content_policy_violation"), ContentFiltered),
    Row(
        "flagged by a moderator",
        OPENAI,
        openrouter(403, reasons=["violence"], flagged_input="a story"),
        ContentFiltered,
        {"status": 403},
    ),
    Row(
        "said by a text",
        OPENAI,
        openai(400, None, "triggering Azure OpenAI's content management policy"),
        ContentFiltered,
        {"guessed": True},
    ),
]

ANSWERS = [
    *(
        Row(f"an empty body and a status {status}", name, Answer(b"", status=status), kind)
        for name in (OPENAI, ANTHROPIC, GEMINI)
        for status, kind in ((500, ProviderUnavailable), (400, InvalidRequest))
    ),
    *(
        Row("a page and a status 503", name, Answer(b"<html>busy</html>", status=503), ProviderUnavailable)
        for name in (OPENAI, ANTHROPIC, GEMINI)
    ),
    Row("the model wrote no JSON", OPENAI, openai(400, "json_validate_failed"), MalformedResponse),
    Row("created, not answered", GEMINI, Answer(b"{}", status=201), MalformedResponse, {"status": 201}),
]

EVERYWHERE = [*KEYS, *PASSING, *REQUESTS, *ANSWERS]
