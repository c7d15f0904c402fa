"""How long a provider asks to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.llm.failures.facts import Facts

MILLISECONDS = 1000.0


def retry_after_s(facts: Facts) -> float | None:
    """Return the seconds that the provider asks to wait, from the answer's headers or its body, or None."""
    headers = facts.headers
    precise = _seconds(headers.get("retry-after-ms"))
    if precise is not None:
        return precise / MILLISECONDS
    return first_known(_of_header(headers), _of_details(facts.error))


def _of_header(headers: Mapping[str, str]) -> float | None:
    """Return what Retry-After says: seconds, or a date, counted from the answer's own date if it has one."""
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _seconds(said)
    if seconds is not None:
        return seconds
    then, now = _moment(said), _moment(headers.get("date")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds()) if then else None


def _of_details(error: Mapping[str, Any]) -> float | None:
    """Return what Google's RetryInfo says: `{"retryDelay": "34.07s"}`."""
    details = error.get("details")
    delays = [
        detail.get("retryDelay")
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, Mapping)
    ]
    return first_known(*(_seconds(delay.removesuffix("s")) for delay in delays if isinstance(delay, str)))


def first_known(*values: float | None) -> float | None:
    """Return the first value that isn't None."""
    return next((value for value in values if value is not None), None)


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return max(0.0, value) if math.isfinite(value) else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
