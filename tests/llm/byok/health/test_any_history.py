"""Whatever calls see, in whatever order: the last word holds, and nobody is flooded."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from app.llm.byok.health.conditions import STATE_OF_FAILURE, KeyFailure
from tests.llm.byok.health.observing import Watched, key

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGHTINGS = st.tuples(
    st.sampled_from(["sk-one", "sk-two"]),
    st.sampled_from([None, "auth", "permission", "quota", "timeout"]),
    st.integers(min_value=0, max_value=30),
)
"""A key, how a call on it failed (None: it didn't), and how many hours pass before it."""


@given(st.lists(SIGHTINGS, max_size=40))
def test_the_last_word_holds_and_nobody_is_flooded(history: Sequence[tuple[str, str | None, int]]) -> None:
    watched = Watched()
    last = "unknown"
    for text, failure_class, hours in history:
        watched.clock.passes(hours=hours)
        if failure_class is None:
            watched.health.succeeded("ada", "acme", key(text))
            last = "valid"
        else:
            watched.health.failed("ada", "acme", key(text), KeyFailure(failure_class))
            last = STATE_OF_FAILURE.get(failure_class, last)

    assert watched.health.of("ada", "acme").state == last
    check_what_was_told(watched, bad_news_possible=any(one[1] in STATE_OF_FAILURE for one in history))


def check_what_was_told(watched: Watched, *, bad_news_possible: bool) -> None:
    events = watched.events()
    news = [new for _, new, _ in events]
    days = (watched.clock.at - Watched().clock.at) / timedelta(hours=24)
    assert bool(news) == bad_news_possible, "the first bad news is always told"
    assert news[:1] != ["valid"]
    assert ("valid", "valid") not in pairwise(news), "good news follows bad news only"
    for state in STATE_OF_FAILURE.values():
        assert news.count(state) <= 2 * (days + 1), "each key's, once in 24 hours"
