"""What each fault is to be taken for: the failure classes that its attempt may be recorded with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass

MEANS: Final[Mapping[str, tuple[FailureClass, ...]]] = {
    "rate_limited": ("rate_limited",),
    "rate_limited_seconds": ("rate_limited",),
    "rate_limited_date": ("rate_limited",),
    "rate_limited_reset": ("rate_limited",),
    "rate_limited_long": ("rate_limited",),
    "server_error": ("overloaded",),
    "unavailable": ("overloaded",),
    "overloaded": ("overloaded",),
    "proxy_page": ("overloaded",),
    "connect_refused": ("connection",),
    "connection_reset": ("connection",),
    "bad_key": ("auth",),
    "unpaid": ("quota",),
    "forbidden": ("permission",),
    # What broke a stream is its class, as long as nothing was heard of it.
    "slow_first_token": ("timeout",),
    "stall": ("timeout", "stream_broken"),
    "cut": ("connection", "stream_broken"),
    "cut_after_finish": ("connection", "stream_broken"),
    "no_finish": ("stream_broken",),
    "bad_json": ("malformed_response",),
    "empty_body": ("malformed_response", "stream_broken"),
    "bad_tool_arguments": ("malformed_response",),
    "schema_violation": ("malformed_response",),
    "filtered_answer": ("content_filter",),
    "context_overflow": ("context_length",),
    "content_filter": ("content_filter",),
    "invalid_request": ("invalid_request",),
    "not_found": ("invalid_request",),
}
"""The answer without a fault isn't among them: whoever fails at it has failed by himself."""
