"""Errors as each provider writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.models import as_json
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENAI, ANTHROPIC, GEMINI = "openai_compatible", "anthropic", "gemini"


def openai(status: int, code: str | int | None = None, said: str = "no", **more: Any) -> Answer:
    """Return an error as OpenAI writes it."""
    error = {"message": said, "type": "invalid_request_error", "param": None, "code": code, **more}
    return Answer(as_json({"error": error}), status=status)


def openrouter(status: int, said: str = "no", http: int | None = None, **metadata: Any) -> Answer:
    """Return an error as OpenRouter writes it: its code is the status, and HTTP may say 200."""
    error = {"code": status, "message": said, "metadata": metadata}
    return Answer(as_json({"error": error}), status=http or status)


def anthropic(status: int, kind: str, said: str = "no", code: str | None = None) -> Answer:
    """Return an error as Anthropic writes it."""
    error: dict[str, Any] = {"type": kind, "message": said}
    if code:
        error["details"] = {"error_code": code}
    return Answer(as_json({"type": "error", "error": error, "request_id": "req_9"}), status=status)


def gemini(status: int, name: str, said: str = "no", *details: Mapping[str, Any]) -> Answer:
    """Return an error as Google writes it."""
    error = {"code": status, "message": said, "status": name, "details": list(details)}
    return Answer(as_json({"error": error}), status=status)


def reason(name: str) -> dict[str, Any]:
    """Return Google's ErrorInfo."""
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name, "domain": "googleapis.com"}


def used_up(quota: str, value: str = "250") -> dict[str, Any]:
    """Return Google's QuotaFailure."""
    violation = {"quotaId": quota, "quotaValue": value}
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


RETRY_IN_A_MINUTE = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "61.5s"}
TOO_LONG_BEHIND = '{"error": {"message": "too long", "code": "context_length_exceeded"}}'
HTML = Answer(b"<html><body>502 Bad Gateway</body></html>", headers={"content-type": "text/html"})
