"""Where a call stands, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.llm.failures import Failure
from app.llm.running.budget import Budget
from app.llm.running.course import FIRST_PAUSE_S, LONGEST_PAUSE_S, SHORTEST_S, Course
from tests.llm.running.controlled import ControlledClock
from tests.llm.running.plans import hop, plan, table

if TYPE_CHECKING:
    from app.llm.planning import Plan

BROKEN, SLOW, LONG = Failure("overloaded"), Failure("timeout"), Failure("context_length")


@pytest.fixture
def clock() -> ControlledClock:
    return ControlledClock()


def course_of(one: Plan, clock: ControlledClock, jitter: float = 0.0) -> Course:
    """Return a new call's course, whose pauses are always this part of the longest."""
    return Course(one, Budget.of(one), clock, lambda longest: longest * jitter)


def begun(one: Plan, clock: ControlledClock, jitter: float = 0.0) -> Course:
    """Return a course whose first attempt is under way."""
    course = course_of(one, clock, jitter)
    assert course.begin() is one.first
    return course


def places(course: Course, *failures: Failure) -> list[int | None]:
    """Return the number of the hop that is asked after each of these failures, None for the end."""
    found: list[int | None] = []
    for failure in failures:
        going_on = course.after(failure) is not None
        found.append(course.begin().number if going_on else None)
        if not going_on:
            break
    return found


def test_R10_a_hop_is_asked_twice_and_then_the_next_one(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform"), clock)
    assert places(course, *[BROKEN] * 4) == [1, 2, 2, None]
    assert course.made == 4


def test_R10_a_retry_never_takes_the_attempt_that_a_later_hop_would_need(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform", "platform", attempts=4), clock)
    assert places(course, *[BROKEN] * 4) == [1, 2, 3, None]


def test_R10_what_a_budget_allows_beyond_two_for_each_hop_is_shared_by_the_hops(
    clock: ControlledClock,
) -> None:
    assert places(begun(plan("platform", attempts=5), clock), *[BROKEN] * 5) == [1, 1, 1, 1, None]
    course = begun(plan("platform", "platform", attempts=6), clock)
    assert places(course, *[BROKEN] * 6) == [1, 1, 2, 2, 2, None]


def test_the_attempts_at_a_hop_are_counted_anew_at_the_next_one(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform"), clock)
    assert places(course, BROKEN, Failure("unknown"), BROKEN, BROKEN) == [1, 2, 2, None]


@pytest.mark.parametrize("failure_class", ["invalid_request", "content_filter", "cancelled"])
def test_what_is_wrong_everywhere_ends_the_call(failure_class: str, clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform"), clock)
    assert course.after(Failure(failure_class)) is None  # type: ignore[arg-type]
    assert course.hop.number == 1


def test_the_table_says_what_comes_next(clock: ControlledClock) -> None:
    one = plan("platform", "platform", table=table(overloaded="next", content_filter="next", unknown="raise"))
    assert places(begun(one, clock), BROKEN) == [2]
    assert places(begun(one, clock), Failure("content_filter")) == [2]
    assert places(begun(one, clock), Failure("unknown")) == [None]


def test_R13_after_content_was_handed_on_nothing_comes_next(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform"), clock)
    assert course.after(BROKEN, started=True) is None


@pytest.mark.parametrize("failure_class", ["auth", "permission", "quota"])
def test_R9_a_users_refused_key_moves_to_the_platform_only_where_the_plan_has_it(
    failure_class: str, clock: ControlledClock
) -> None:
    refused = Failure(failure_class)  # type: ignore[arg-type]
    assert places(begun(plan("user", "user"), clock), refused) == [None]
    allowed = begun(plan("user", "user", "platform", "platform"), clock)
    assert places(allowed, refused) == [3], "the user's other hops are on the same bill"
    assert places(allowed, refused, refused) == [4, None]


def test_R9_nothing_else_moves_the_bill(clock: ControlledClock) -> None:
    course = begun(plan("user", "user", "platform"), clock)
    assert places(course, *[BROKEN] * 5) == [1, 2, 2, None]


def test_a_request_that_is_too_long_goes_to_the_next_larger_window_only(clock: ControlledClock) -> None:
    windows = (8_000, 4_000, 8_000, None, 16_000)
    hops = tuple(hop(number, window=window) for number, window in enumerate(windows, 1))
    assert places(begun(plan(hops=hops), clock), LONG, LONG) == [5, None]
    unknown = (hop(1), hop(2, window=16_000))
    assert places(begun(plan(hops=unknown), clock), LONG) == [None], "nobody knows that it is larger"


def test_the_pauses_before_retries_double_up_to_the_longest(clock: ControlledClock) -> None:
    course = begun(plan("platform", attempts=10), clock, jitter=1.0)
    pauses = []
    for _ in range(8):
        pauses.append(course.after(BROKEN))
        course.begin()
    assert pauses == [FIRST_PAUSE_S * 2.0**n for n in range(5)] + [LONGEST_PAUSE_S] * 3


def test_R11_retry_after_is_waited_for_with_jitter_on_top(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform"), clock, jitter=0.5)
    assert course.after(Failure("rate_limited", retry_after_s=7.0)) == 7.0 + FIRST_PAUSE_S / 2
    assert course.hop.number == 1


def test_R11_a_wait_that_does_not_fit_into_the_deadline_is_the_next_hops_turn(clock: ControlledClock) -> None:
    limited = Failure("rate_limited", retry_after_s=100.0)
    course = begun(plan("platform", "platform"), clock)
    assert course.after(limited) == 0.0
    assert (course.hop.number, course.tries) == (2, 0)
    assert begun(plan("platform"), clock).after(limited) is None


def test_R10_nothing_comes_next_when_the_deadline_has_passed(clock: ControlledClock) -> None:
    course = begun(plan("platform", "platform", deadline_s=5.0), clock)
    clock.advance(5.0 - SHORTEST_S / 2)
    assert course.after(BROKEN) is None


def test_a_hop_that_is_passed_over_costs_no_attempt_and_no_other_payers_hop_takes_over(
    clock: ControlledClock,
) -> None:
    course = course_of(plan("user", "user", "platform"), clock)
    assert not course.is_last
    assert course.pass_over()
    assert (course.hop.number, course.made, course.is_last) == (2, 0, True)
    assert not course.pass_over()
    assert course.hop.number == 2


def test_a_hop_whose_time_out_nobody_wrote_leaves_time_to_the_later_ones(clock: ControlledClock) -> None:
    hops = tuple(hop(number, timeout_s=120.0, written=False) for number in (1, 2, 3))
    course = begun(plan(hops=hops, deadline_s=30.0), clock)
    assert course.patience(hops[0], streaming=False).read() == 10.0
    assert course.patience(hops[2], streaming=False).read() == 30.0
    clock.advance(10.0)
    assert course.patience(hops[1], streaming=True).read() == 10.0


def test_a_written_time_out_is_taken_as_it_is_up_to_the_deadline(clock: ControlledClock) -> None:
    hops = tuple(hop(number, timeout_s=20.0) for number in (1, 2))
    course = begun(plan(hops=hops, deadline_s=30.0), clock)
    assert course.patience(hops[0], streaming=False).read() == 20.0
    clock.advance(15.0)
    assert course.patience(hops[1], streaming=False).read() == 15.0


def test_a_stream_has_limits_of_its_own_for_first_and_further_content(clock: ControlledClock) -> None:
    one = plan("platform", first_token_s=3.0, chunk_s=2.0, connect_s=1.0)
    course = begun(one, clock)
    assert course.patience(one.first, streaming=False).read() == 10.0
    patience = course.patience(one.first, streaming=True)
    assert (patience.connect(), patience.read()) == (1.0, 3.0)
    clock.advance(2.5)
    assert (patience.connect(), patience.read()) == (0.5, 0.5)
    patience.heard()
    assert patience.read() == 2.0
    clock.advance(2.5)
    assert patience.read() == 0.0


def test_nothing_is_sent_when_no_time_is_left(clock: ControlledClock) -> None:
    one = plan("platform", deadline_s=1.0)
    course = begun(one, clock)
    clock.advance(1.0)
    with pytest.raises(TimeoutError):
        course.patience(one.first, streaming=False)
