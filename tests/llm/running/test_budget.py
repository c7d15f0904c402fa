"""What one call may use up, and what it may say of that itself."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidBudget
from app.llm.running.budget import LONGEST_S, MOST_ATTEMPTS, NAMES, Budget, of_call
from app.llm.running.terms import terms_of
from tests.llm.running.plans import plan

ONE = plan("platform", deadline_s=20.0, attempts=3, connect_s=5.0, chunk_s=7.0, first_token_s=None)
SECONDS = sorted(NAMES - {"attempts"})
NONSENSE = (0, -1, -0.5, True, False, "3", math.nan, math.inf, -math.inf, [1], LONGEST_S + 1)


def test_a_call_that_says_nothing_has_the_plans_budget() -> None:
    assert of_call(ONE, {}) == Budget.of(ONE) == Budget(20.0, 3, 5.0, 7.0, None)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_call_that_says_none_has_the_plans_budget(name: str) -> None:
    assert of_call(ONE, {name: None}) == Budget.of(ONE)


@given(said=st.fixed_dictionaries({}, optional=dict.fromkeys(SECONDS, st.floats(0.001, LONGEST_S))))
def test_each_limit_can_be_said_for_one_call(said: dict[str, float]) -> None:
    budget = of_call(ONE, {**said, "temperature": 0.5})
    for name in SECONDS:
        assert getattr(budget, name) == said.get(name, getattr(ONE, name))
    assert budget.attempts == 3


@pytest.mark.parametrize("attempts", [1, 2, MOST_ATTEMPTS])
def test_attempts_are_a_whole_number_up_to_ten(attempts: int) -> None:
    assert of_call(ONE, {"attempts": attempts}).attempts == attempts


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_limit_that_makes_no_sense_is_an_error_that_names_it(name: str, value: object) -> None:
    with pytest.raises(InvalidBudget, match=f"{name} = "):
        of_call(ONE, {name: value})


@pytest.mark.parametrize("value", [1.0, 2.5, MOST_ATTEMPTS + 1])
def test_so_is_a_part_of_an_attempt(value: float) -> None:
    with pytest.raises(InvalidBudget, match="a whole number of attempts"):
        of_call(ONE, {"attempts": value})


def test_what_is_said_to_the_plan_reaches_no_provider() -> None:
    given_: dict[str, Any] = {"deadline_s": 3, "attempts": 1, "temperature": 0.5, "model": "another"}
    terms, rest = terms_of(ONE, given_, streaming=True, keeps_raw=True)
    assert rest == {"temperature": 0.5, "model": "another"}
    assert (terms.budget.deadline_s, terms.budget.attempts, terms.model) == (3, 1, "another")
    assert (terms.streaming, terms.keeps_raw) == (True, True)
