"""How long a provider asks to wait."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.llm.failures.facts import Facts

MILLISECONDS = 1000.0
EARLIEST_EPOCH: Final = 1e9
"""A bare number from here on is a moment in seconds since 1970, and no span: that was in 2001."""
EARLIEST_EPOCH_IN_MS: Final = EARLIEST_EPOCH * MILLISECONDS
UNITS: Final[Mapping[str, float]] = {
    "d": 86_400.0,
    "h": 3_600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
}
"""Units of a span as Go writes it, in seconds: `6m0s`, `20ms`."""
PART_OF_A_SPAN: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+)")
SPAN: Final = re.compile(rf"(?:{PART_OF_A_SPAN.pattern})+")
LONGEST_VALUE: Final = 64
"""Characters. A longer text is no moment."""


def retry_after_s(facts: Facts, *, limited: bool = False) -> float | None:
    """Return the seconds that the provider asks to wait, from the answer's headers or its body, or None.

    `limited`: too many requests are what went wrong. Then the moments at which its limits are renewed count
    too, where it asks for nothing else; beside any other failure they say nothing of when to come back.
    """
    headers = facts.headers
    precise = _seconds(headers.get("retry-after-ms"))
    if precise is not None:
        return precise / MILLISECONDS
    asked = first_known(_of_header(headers), _of_details(facts.error))
    if asked is not None or not limited:
        return asked
    return first_known(_of_limits(headers, headers), _of_limits(_quoted(facts.error), headers))


def _of_header(headers: Mapping[str, str]) -> float | None:
    """Return what Retry-After says: seconds, or a date, counted from the answer's own date if it has one."""
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _seconds(said)
    return seconds if seconds is not None else _until(_moment(said), headers)


def _of_details(error: Mapping[str, Any]) -> float | None:
    """Return what Google's RetryInfo says: `{"retryDelay": "34.07s"}`."""
    details = error.get("details")
    delays = [
        detail.get("retryDelay")
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, Mapping)
    ]
    return first_known(*(_seconds(delay.removesuffix("s")) for delay in delays if isinstance(delay, str)))


def _of_limits(limits: Mapping[str, str], headers: Mapping[str, str]) -> float | None:
    """Return when the limits are renewed: the last of those that are used up, or of all if none says so.

    A provider says it by dimension: `x-ratelimit-reset-tokens` and `x-ratelimit-remaining-tokens`,
    `anthropic-ratelimit-requests-reset` and `-remaining`, or just `x-ratelimit-reset`.
    """
    used_up: list[float] = []
    others: list[float] = []
    for name, value in limits.items():
        if "ratelimit" not in name or "reset" not in name:
            continue
        wait = _wait(value, headers)
        if wait is not None:
            remaining = _number(limits.get(name.replace("reset", "remaining")))
            (used_up if remaining is not None and remaining <= 0 else others).append(wait)
    return max(used_up or others, default=None)


def _quoted(error: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the headers that OpenRouter writes into its error, with names in lower case."""
    metadata = error.get("metadata")
    quoted = metadata.get("headers") if isinstance(metadata, Mapping) else None
    pairs = quoted.items() if isinstance(quoted, Mapping) else ()
    return {str(name).lower(): str(value) for name, value in pairs}


def _wait(text: str, headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a limit is renewed: said as a number, as a span, or as a moment."""
    text = text.strip()[:LONGEST_VALUE]
    number = _number(text)
    if number is None:
        span = _span(text)
        return span if span is not None else _until(_moment(text), headers)
    if number < EARLIEST_EPOCH:
        return max(0.0, number)
    epoch = number / MILLISECONDS if number >= EARLIEST_EPOCH_IN_MS else number
    return max(0.0, epoch - _now(headers).timestamp())


def first_known(*values: float | None) -> float | None:
    """Return the first value that isn't None."""
    return next((value for value in values if value is not None), None)


def _seconds(text: str | None) -> float | None:
    number = _number(text)
    return None if number is None else max(0.0, number)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _span(text: str) -> float | None:
    if not SPAN.fullmatch(text):
        return None
    parts = [(amount, UNITS.get(unit)) for amount, unit in PART_OF_A_SPAN.findall(text)]
    known = [float(amount) * unit for amount, unit in parts if unit is not None]
    return sum(known) if len(known) == len(parts) else None


def _until(moment: datetime | None, headers: Mapping[str, str]) -> float | None:
    return max(0.0, (moment - _now(headers)).total_seconds()) if moment else None


def _now(headers: Mapping[str, str]) -> datetime:
    """Return the provider's own time, if its answer is dated."""
    return _moment(headers.get("date")) or datetime.now(UTC)


def _moment(text: str | None) -> datetime | None:
    """Return a moment that is written as in mail (RFC 5322) or in logs (RFC 3339)."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text or "")
        except (ValueError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
