"""What is usual: the latest answers of a kind, and the time within which 95 % of them came."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.running.latencies import (
    ENOUGH,
    MOST_KINDS,
    MOST_SAMPLES,
    OLDEST_S,
    Kind,
    Latencies,
    Usual,
)
from tests.llm.running.controlled import ControlledClock

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = Kind("chat", "one", "swift", "platform", streaming=False)
SECONDS = st.floats(min_value=0.0, max_value=120.0)


def noted(seconds: Sequence[float], clock: ControlledClock | None = None) -> Latencies:
    latencies = Latencies(clock or ControlledClock())
    for one in seconds:
        latencies.note(KIND, one)
    return latencies


@pytest.mark.parametrize(
    ("samples", "slower"),
    [(20, 1), (21, 1), (39, 1), (40, 2), (100, 5), (119, 5), (120, 6), (200, 10)],
)
def test_p95_is_what_one_in_twenty_is_slower_than(samples: int, slower: int) -> None:
    usual = noted([float(number) for number in range(samples)]).usual(KIND)

    assert usual.samples == samples
    assert usual.p95 == samples - slower - 1


def test_of_fewer_answers_nobody_can_say_what_is_usual() -> None:
    assert Latencies(ControlledClock()).usual(KIND) == Usual(0, None)
    assert noted([1.0] * (ENOUGH - 1)).usual(KIND) == Usual(ENOUGH - 1, None)
    assert noted([1.0] * ENOUGH).usual(KIND) == Usual(ENOUGH, 1.0)


@given(st.lists(st.tuples(SECONDS, st.floats(min_value=0.0, max_value=OLDEST_S / 4)), max_size=300))
def test_p95_is_that_of_the_latest_answers_that_are_not_too_old(answers: list[tuple[float, float]]) -> None:
    clock = ControlledClock()
    latencies, came = Latencies(clock), []
    for seconds, pause in answers:
        clock.advance(pause)
        latencies.note(KIND, seconds)
        came.append((clock.now(), seconds))
    recent = sorted(seconds for moment, seconds in came[-MOST_SAMPLES:] if moment >= clock.now() - OLDEST_S)
    expected = recent[math.ceil(round(0.95 * len(recent), 6)) - 1] if len(recent) >= ENOUGH else None

    assert latencies.usual(KIND) == Usual(len(recent), expected)


def test_what_is_older_than_a_quarter_of_an_hour_is_forgotten() -> None:
    clock = ControlledClock()
    latencies = noted([9.0] * ENOUGH, clock)
    clock.advance(OLDEST_S)
    assert latencies.usual(KIND).p95 == 9.0
    latencies.note(KIND, 1.0)
    clock.advance(1.0)
    assert latencies.usual(KIND) == Usual(1, None)


def test_kinds_are_told_apart_and_those_that_are_long_unused_are_forgotten() -> None:
    latencies = noted([1.0])
    for number in range(MOST_KINDS - 1):
        latencies.note(KIND._replace(model=f"m{number}"), 2.0)
    latencies.note(KIND, 1.0)
    latencies.note(KIND._replace(model="one more"), 2.0)

    assert latencies.usual(KIND).samples == 2
    assert latencies.usual(KIND._replace(model="m0")).samples == 0
    assert latencies.usual(KIND._replace(model="m1")).samples == 1
    assert latencies.usual(KIND._replace(streaming=True)).samples == 0


def test_a_forked_child_begins_to_learn_anew() -> None:
    latencies = noted([1.0] * ENOUGH)
    latencies.renew()
    assert latencies.usual(KIND) == Usual(0, None)


def test_of_very_many_answers_the_latest_count() -> None:
    latencies = noted([9.0] * MOST_SAMPLES + [1.0] * MOST_SAMPLES)
    assert latencies.usual(KIND) == Usual(MOST_SAMPLES, 1.0)
