from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.catalog.rate_strings import LONGEST_S, MOST_REQUESTS, rate_fault
from app.llm.rates.reading import LimitStrings

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "month": 30 * 86400, "year": 360 * 86400}


@pytest.mark.parametrize(
    "limit",
    ["500/minute", "10/second", "10 per second", "20/5 minutes", "1 PER Hour", " 3 / 2 days ", "0500/minute"],
)
def test_limits_that_are_counted_as_they_are_written_have_no_fault(limit: str) -> None:
    assert rate_fault(limit) is None


@pytest.mark.parametrize(
    ("limit", "fault"),
    [
        ("500/min", "'500/min': 'min' is no unit of time; did you mean 'minute'?"),
        ("500/secs", "'500/secs': 'secs' is no unit of time; did you mean 'second'?"),
        ("500 per fortnight", "'500 per fortnight': 'fortnight' is no unit of time"),
        ("5/minute; 10/second", "'5/minute; 10/second' holds 2 limits: write each as a text of its own"),
        ("5/0 minutes", "'5/0 minutes' has a window of no length"),
        ("5 per 00 minutes", "'5 per 00 minutes' has a window of no length"),
        ("0/minute", "'0/minute' lets no request through"),
        (
            f"{MOST_REQUESTS + 1}/day",
            "more than can be counted in one window (1000000): choose a shorter one",
        ),
        ("5/13 months", "'5/13 months' has a window of more than a year"),
    ],
)
def test_a_limit_that_would_not_hold_as_it_is_written_is_told_with_its_mending(
    limit: str, fault: str
) -> None:
    assert fault in (rate_fault(limit) or "")


@pytest.mark.parametrize(
    "limit", ["", "many", "500", "minute", "-5/minute", "5.5/minute", "5/minute;", "9" * 5000]
)
def test_what_is_no_limit_at_all_is_told_how_one_is_written(limit: str) -> None:
    assert "is no rate limit: write it like '500/minute'" in (rate_fault(limit) or "")


@given(st.text() | st.from_regex(r"[0-9]{0,8} ?(/|per) ?[0-9]{0,4} ?[a-z]{0,8}[;,]?", fullmatch=True))
def test_any_text_gets_a_fault_or_is_read_as_one_limit_within_bounds(text: str) -> None:
    if rate_fault(text) is None:
        (item,) = LimitStrings()((text,))
        assert 0 < item.amount <= MOST_REQUESTS
        assert 0 < item.get_expiry() <= LONGEST_S


@given(
    st.integers(1, MOST_REQUESTS),
    st.integers(1, 12),
    st.sampled_from(sorted(SECONDS)),
    st.sampled_from(["/", " per ", "per"]),
    st.sampled_from(["", "s"]),
)
def test_a_limit_without_fault_is_counted_in_the_window_that_is_written(
    amount: int, count: int, unit: str, per: str, plural: str
) -> None:
    limit = f"{amount}{per}{count} {unit}{plural}"
    length = count * SECONDS[unit]
    assert (rate_fault(limit) is None) == (length <= LONGEST_S)
    (item,) = LimitStrings()((limit,))
    assert (item.amount, item.get_expiry()) == (amount, length)
