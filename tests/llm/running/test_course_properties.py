"""What holds on every course, whatever fails on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, get_args

from hypothesis import given
from hypothesis import strategies as st

from app.errors import FailureClass
from app.llm.catalog.failure_table import FAILURE_CLASSES, OF_THE_KEY, PAYERS, FailureTable, Rule, fitting
from app.llm.failures import Failure
from app.llm.running.budget import Budget
from app.llm.running.course import LONGEST_PAUSE_S, SHORTEST_S, Course
from tests.llm.running.controlled import ControlledClock
from tests.llm.running.plans import hop, plan

if TYPE_CHECKING:
    from app.errors import Payer
    from app.llm.planning import Plan

windows = st.none() | st.sampled_from([1_000, 2_000, 3_000])
failures = st.builds(
    Failure,
    st.sampled_from(get_args(FailureClass)),
    retry_after_s=st.none() | st.floats(0.0, 40.0),
)


@st.composite
def tables(draw: st.DrawFn) -> FailureTable:
    """Any table that a catalog may hold."""
    return FailureTable(
        {
            (one, payer): Rule(draw(st.sampled_from(fitting(one, payer))), None)
            for one in FAILURE_CLASSES
            for payer in PAYERS
        }
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A plan with hops on the user's bill first, and then some on the platform's."""
    users: list[Payer] = ["user"] * draw(st.integers(0, 3))
    ours: list[Payer] = ["platform"] * draw(st.integers(0 if users else 1, 3))
    hops = tuple(
        hop(
            number, payer, window=draw(windows), timeout_s=draw(st.floats(1, 20)), written=draw(st.booleans())
        )
        for number, payer in enumerate([*users, *ours], 1)
    )
    limits = {"deadline_s": draw(st.floats(0.5, 60)), "attempts": draw(st.integers(1, 10))}
    return plan(hops=hops, table=draw(tables()), **limits)


@given(
    one=plans(), failing=st.lists(st.tuples(failures, st.floats(0, 10)), min_size=12), jitter=st.floats(0, 1)
)
def test_R9_R10_R11_a_course_keeps_its_budget_its_bill_and_its_direction(
    one: Plan, failing: list[tuple[Failure, float]], jitter: float
) -> None:
    clock = ControlledClock()
    course = Course(one, Budget.of(one), clock, lambda longest: longest * jitter)
    most = max(2, math.ceil(one.attempts / len(one.hops)))
    asked = [course.begin()]
    for failure, seconds in failing:
        clock.advance(seconds)
        before = course.hop
        pause = course.after(failure)
        if pause is None:
            assert course.hop is before
            return
        after = course.hop
        assert after.number >= before.number
        assert clock.now() + pause <= course.ends - SHORTEST_S / 2
        if after is before:
            assert one.table.action(failure.failure_class, before.payer) == "retry"
            assert (failure.retry_after_s or 0.0) <= pause <= (failure.retry_after_s or 0.0) + LONGEST_PAUSE_S
        else:
            assert pause == 0.0
        if after.payer != before.payer:
            assert (before.payer, after.payer) == ("user", "platform")
            assert failure.failure_class in OF_THE_KEY
        clock.advance(pause)
        asked.append(course.begin())
        assert len(asked) == course.made <= one.attempts
        assert asked.count(after) <= most
    raise AssertionError("a course that never ends")


@given(one=plans(), streaming=st.booleans(), spent=st.floats(0, 60), share=st.floats(0, 1))
def test_an_attempt_never_waits_beyond_the_deadline_nor_takes_a_later_hops_share(
    one: Plan,
    streaming: bool,  # noqa: FBT001 - drawn
    spent: float,
    share: float,
) -> None:
    clock = ControlledClock()
    course = Course(one, Budget.of(one), clock, lambda longest: longest)
    at = one.hops[int(share * (len(one.hops) - 1))]
    clock.advance(spent)
    left = course.left_s
    try:
        patience = course.patience(at, streaming=streaming)
    except TimeoutError:
        assert left < SHORTEST_S
        return
    later = [other for other in one.hops if other.number > at.number and other.payer == at.payer]
    assert 0.0 < patience.read() <= min(left, at.timeout_s) + 1e-9
    if not at.timeout_written:
        assert patience.read() * (1 + len(later)) <= left + 1e-9
    patience.heard()
    assert patience.read() <= course.left_s
