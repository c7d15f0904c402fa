"""Whether a rate limit of the catalog is one that can be counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from app.errors import nearest

if TYPE_CHECKING:
    from limits import RateLimitItem

MOST_REQUESTS: Final = 1_000_000
"""Requests that one limit may count: each takes a few bytes until it has left the window."""
LONGEST_S: Final = 360 * 24 * 3600
"""Seconds that a window may last: a year, as the library `limits` reckons it."""

_WINDOW = re.compile(r"(?:/|per)\s*(?P<count>[0-9]*)\s*(?P<unit>[a-z]+)\s*$", re.IGNORECASE)


def rate_fault(limit: str) -> str | None:
    """Return what is wrong with a rate limit, and how it is mended; None if it holds as it is written.

    The library `limits` reads more than that, and some of it as something else: of several limits in one text
    the first, and a window of no minutes as one minute. The first call imports it, which costs 0.1 s.
    """
    from limits import parse_many

    try:
        items = parse_many(limit)
    except ValueError:
        return _unreadable(limit)
    if len(items) > 1:
        return f"{limit!r} holds {len(items)} limits: write each as a text of its own"
    return _out_of_bounds(limit, items[0])


def _unreadable(limit: str) -> str:
    from limits.limits import GRANULARITIES

    window = _WINDOW.search(limit)
    unit = window["unit"].lower() if window else ""
    if unit and unit.removesuffix("s") not in GRANULARITIES:
        return f"{limit!r}: {unit!r} is no unit of time{nearest(unit, GRANULARITIES)}"
    return f"{limit!r} is no rate limit: write it like '500/minute', '10 per second' or '20/5 minutes'"


def _out_of_bounds(limit: str, item: RateLimitItem) -> str | None:
    window = _WINDOW.search(limit)
    if window and window["count"] and not int(window["count"]):
        return f"{limit!r} has a window of no length"
    if item.amount == 0:
        return f"{limit!r} lets no request through"
    if item.amount > MOST_REQUESTS:
        return f"{limit!r} is more than can be counted in one window ({MOST_REQUESTS}): choose a shorter one"
    if item.get_expiry() > LONGEST_S:
        return f"{limit!r} has a window of more than a year"
    return None
