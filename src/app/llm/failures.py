"""Failure classes: what an exception of an SDK, of its HTTP library or of the socket means for a plan."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Literal

FailureClass = Literal[
    "timeout",
    "rate_limited",
    "overloaded",
    "auth",
    "permission",
    "quota",
    "invalid_request",
    "malformed_response",
    "connection",
    "cancelled",
    "unknown",
]

CLIENT_ERRORS, SERVER_ERRORS = 400, 500
"""Where the statuses of errors begin (RFC 9110)."""
BY_STATUS: dict[int, FailureClass] = {
    400: "invalid_request",
    401: "auth",
    402: "quota",
    403: "permission",
    404: "invalid_request",
    408: "timeout",
    409: "overloaded",
    413: "invalid_request",
    422: "invalid_request",
    429: "rate_limited",
    504: "timeout",
}
"""HTTP status -> class (RFC 9110 and the providers' error pages); any other 5xx is `overloaded`."""

BY_TYPE_NAME: tuple[tuple[str, FailureClass], ...] = (
    ("Timeout", "timeout"),
    ("Connect", "connection"),
    ("Connection", "connection"),
    ("ProtocolError", "connection"),
    ("NetworkError", "connection"),
    ("ReadError", "connection"),
    ("WriteError", "connection"),
)
"""Part of a class name among the exception's bases -> class: httpx, httpx2 and the SDKs share these names."""

RETRIED: frozenset[FailureClass] = frozenset({"timeout", "rate_limited", "overloaded", "connection"})
"""Classes of which the same request may succeed a moment later."""
REJECTED_KEY: frozenset[FailureClass] = frozenset({"auth", "quota", "permission"})
"""Classes that say something about the key, not about the request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failed attempt from types and status codes alone (R12)."""

    failure_class: FailureClass
    status: int | None = None


def classify(error: BaseException) -> Failure:
    """Return what an exception means: by status first, then by type, never by its text."""
    status = _status(error)
    if status is not None and status >= CLIENT_ERRORS:
        others: FailureClass = "overloaded" if status >= SERVER_ERRORS else "invalid_request"
        return Failure(BY_STATUS.get(status, others), status)
    return Failure(_by_type(error), status)


def _by_type(error: BaseException) -> FailureClass:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "timeout"
    names = [base.__name__ for base in type(error).__mro__]
    for part, failure_class in BY_TYPE_NAME:
        if any(part in name for name in names):
            return failure_class
    if isinstance(error, json.JSONDecodeError):
        return "malformed_response"
    return "connection" if isinstance(error, OSError) else "unknown"


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that an SDK's exception carries, or that of the one it was raised from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        for name in ("status_code", "code"):
            value = getattr(current, name, None)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        current = current.__cause__
    return None
