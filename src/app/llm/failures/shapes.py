"""What a provider says by a shape of its own and not by a code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.errors import FailureClass

FLAGGED: Final = frozenset({"reasons", "flagged_input"})
"""What OpenRouter's `metadata` holds if a moderator refused the input (a 403, like a key without leave)."""

IN_FLIGHT: Final = "openrouter_in_flight_budget"
"""OpenRouter's `limit_source` of a 402 that only too many calls at once have caused."""


def by_shape(error: Mapping[str, Any]) -> FailureClass | None:
    """Return the class of an error object that a provider's own shape gives away, or None."""
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping):
        if not FLAGGED.isdisjoint(metadata):
            return "content_filter"
        if metadata.get("limit_source") == IN_FLIGHT:
            return "rate_limited"
    return "quota" if any(_is_used_up(violation) for violation in _violations(error)) else None


def _violations(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the limits that a request to Google went beyond (google.rpc.QuotaFailure)."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        violations = detail.get("violations") if isinstance(detail, Mapping) else None
        for violation in violations if isinstance(violations, list) else []:
            if isinstance(violation, Mapping):
                yield violation


def _is_used_up(violation: Mapping[str, Any]) -> bool:
    """Whether nothing is left for today, or nothing was ever given; a limit by the minute passes."""
    name, value = violation.get("quotaId"), violation.get("quotaValue")
    return (isinstance(name, str) and "PerDay" in name) or value in ("0", 0)
