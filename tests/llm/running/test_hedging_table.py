"""Whether a failure leads from one hop to another, as the table of failures has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.llm.failures import Failure
from app.llm.running.budget import Budget
from app.llm.running.course import Course
from tests.llm.running.controlled import ControlledClock
from tests.llm.running.plans import hop, plan, table

if TYPE_CHECKING:
    from app.errors import FailureClass, Payer


def leads(failure_class: FailureClass, payer: Payer = "platform", windows: tuple[int, int] = (1, 1)) -> bool:
    """Whether a failure of the first hop leads to the second."""
    hops = tuple(hop(number, payer, window=window) for number, window in enumerate(windows, 1))
    made = plan(hops=hops, table=table())
    course = Course(made, Budget.of(made), ControlledClock(), lambda longest: longest)
    course.begin()
    return course.leads_to(hops[1], Failure(failure_class))


@pytest.mark.parametrize(
    ("failure_class", "expected"),
    [
        ("timeout", True),
        ("unknown", True),
        ("auth", True),
        ("invalid_request", False),
        ("content_filter", False),
    ],
)
def test_it_leads_on_after_what_is_asked_again_or_elsewhere(
    failure_class: FailureClass,
    expected: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    assert leads(failure_class) == expected


@pytest.mark.parametrize(("windows", "expected"), [((1, 2), True), ((1, 1), False), ((2, 1), False)])
def test_too_long_a_context_leads_to_a_larger_window_only(
    windows: tuple[int, int],
    expected: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    assert leads("context_length", windows=windows) == expected


@pytest.mark.parametrize("failure_class", ["auth", "permission", "quota"])
def test_R9_a_refused_user_key_leads_to_no_other_key_of_the_user(failure_class: FailureClass) -> None:
    assert not leads(failure_class, "user")
    assert leads("timeout", "user")
