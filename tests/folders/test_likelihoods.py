from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.folders.likelihoods import Likelihoods, lift, log_mean_exp, log_sum_exp

FINITE = st.lists(st.floats(-1000, 1000), min_size=1)


def of(*entries: tuple[str, float]) -> Likelihoods:
    return Likelihoods([{"token": token, "logprob": logprob} for token, logprob in entries])


def test_spellings_of_one_text_add_up() -> None:
    both = of(("Travel", math.log(0.2)), (" travel", math.log(0.1)))
    assert both.get("travel", -99) == pytest.approx(math.log(0.3))


def test_blanks_and_parts_of_characters_are_no_texts() -> None:
    listed = of(("\n", -1.0), ("\ufffd", -2.0))
    assert "" not in listed
    assert "\ufffd" not in listed
    assert listed.floor == -2.0


def test_a_word_is_known_by_its_longest_listed_beginning() -> None:
    prior = of(("tra", -1.0), ("travel", -5.0))
    assert lift("travelling", of(("travel", -2.0), ("tra", -1.0)), prior, 3) == pytest.approx(3.0)


def test_a_beginning_that_is_too_short_says_nothing() -> None:
    assert lift("travel", of(("tr", -1.0)), of(("tr", -5.0)), 3) == 0.0


def test_a_word_shorter_than_that_is_known_by_all_of_it() -> None:
    assert lift("tv", of(("tv", -1.0)), of(("tv", -5.0)), 3) == pytest.approx(4.0)


def test_one_ideograph_is_enough() -> None:
    assert lift("旅行", of(("旅", -1.0)), of(("旅", -3.0)), 3) == pytest.approx(2.0)


def test_a_word_that_only_one_side_lists_is_at_the_lower_floor_on_the_other() -> None:
    given, prior = of(("travel", -1.0), ("z", -6.0)), of(("z", -9.0))
    assert lift("travel", given, prior, 3) == pytest.approx(8.0)
    assert lift("travel", prior, given, 3) == pytest.approx(-8.0)


def test_a_word_that_nobody_lists_has_no_lift() -> None:
    assert lift("travel", of(("food", -1.0)), of(("food", -5.0)), 3) == 0.0


@given(FINITE)
def test_the_mean_of_exponentials_lies_between_the_least_and_the_most(values: list[float]) -> None:
    assert min(values) - 1e-6 <= log_mean_exp(values) <= max(values) + 1e-6


@given(FINITE)
def test_a_sum_of_exponentials_is_at_least_its_greatest(values: list[float]) -> None:
    assert log_sum_exp(values) >= max(values)
