"""What holds for every adapter of the port, and for the shared one also while its server is away."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.rates.memory import MARGIN_S, InMemoryRates
from app.llm.rates.port import RateKey
from app.llm.rates.reading import counted_as
from tests.llm.rates.crowd import (
    KEY,
    NEVER_FULL,
    acounted,
    counted,
    counted_in_loops,
    counted_in_threads,
    eventually,
    shared,
)
from tests.servers.valkey import running_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.rates.port import Rates
    from tests.servers.valkey import RunningValkey

HOUR_S = 3600


@pytest.fixture(scope="module")
def valkey() -> Iterator[RunningValkey]:
    with running_valkey() as server:
        yield server


NOBODY = "redis://127.0.0.1:1"


@pytest.fixture(params=["in memory", "shared", "shared with nobody"])
def rates(request: pytest.FixtureRequest, valkey: RunningValkey) -> Iterator[Rates]:
    if request.param == "in memory":
        with closing(InMemoryRates()) as alone:
            yield alone
        return
    where = "local" if request.param == "shared with nobody" else "shared"
    with closing(shared(valkey.url if where == "shared" else NOBODY)) as one:
        assert one.take(KEY, NEVER_FULL) == 0
        assert one.where == where
        yield one


@pytest.fixture
def key(request: pytest.FixtureRequest) -> RateKey:
    """A key of this test's own: the server is there for all of them."""
    return KEY._replace(model=request.node.name)


def test_without_limits_there_is_always_room(rates: Rates, key: RateKey) -> None:
    assert counted(rates, (), 1000, key) == 1000
    assert asyncio.run(acounted(rates, (), 10, key)) == 10


def test_as_many_are_counted_as_a_limit_allows_and_then_it_says_when_there_is_room(
    rates: Rates, key: RateKey
) -> None:
    assert counted(rates, ("5/hour",), 9, key) == 5
    assert 0 < rates.take(key, ("5/hour",)) <= HOUR_S + MARGIN_S
    assert rates.take(key, ("5/hour",)) > HOUR_S / 2


def test_nothing_is_counted_when_one_of_two_limits_is_full(rates: Rates, key: RateKey) -> None:
    both, wide = ("2/hour", "4/day"), ("4/day",)
    assert counted(rates, both, 10, key) == 2
    assert counted(rates, tuple(reversed(both)), 10, key) == 0
    assert counted(rates, wide, 10, key) == 2
    assert rates.take(key, both) > HOUR_S, "the seconds are those of the limit that has room last"


def test_a_limit_that_is_written_twice_is_counted_once(rates: Rates, key: RateKey) -> None:
    assert counted(rates, ("3/hour", "3 per 1 hours"), 9, key) == 3


def test_each_provider_model_payer_and_holder_has_limits_of_its_own(rates: Rates, key: RateKey) -> None:
    others = [
        key,
        key._replace(provider="acme/vendor", model=key.model.removeprefix("vendor/")),
        key._replace(model=f"{key.model}/500/1/minute"),
        key._replace(model=f"{{{key.model}}}"),
        key._replace(payer="user"),
        key._replace(payer="user", holder="0f"),
        key._replace(payer="user", holder="0f/1"),
    ]
    assert [counted(rates, ("2/hour",), 3, one) for one in others] == [2] * len(others)


def test_room_comes_back_after_the_seconds_that_were_told(rates: Rates, key: RateKey) -> None:
    assert counted(rates, ("2/second",), 2, key) == 2
    assert rates.take(key, ("2/second",)) <= 1 + MARGIN_S
    eventually(lambda: rates.take(key, ("2/second",)) == 0)


def test_threads_and_tasks_count_together(rates: Rates, key: RateKey) -> None:
    assert counted(rates, ("10/hour",), 4, key) == 4
    assert asyncio.run(acounted(rates, ("10/hour",), 20, key)) == 6
    assert counted(rates, ("10/hour",), 4, key) == 0


def test_sixteen_threads_at_once_are_given_the_limit_and_no_more(rates: Rates, key: RateKey) -> None:
    assert counted_in_threads(rates, ("97/hour", "300/day"), threads=16, times=10, key=key) == 97


def test_two_event_loops_at_once_are_given_the_limit_and_no_more(rates: Rates, key: RateKey) -> None:
    assert counted_in_loops(rates, ("33/hour",), loops=2, times=40, key=key) == 33


def test_a_closed_one_still_answers_and_can_be_closed_again(rates: Rates, key: RateKey) -> None:
    rates.close()
    rates.close()
    assert counted(rates, ("2/hour",), 4, key) == 2
    assert asyncio.run(acounted(rates, ("2/hour",), 2, key)) == 0


@given(*[st.tuples(st.text(), st.text(), st.sampled_from(["user", "platform"]), st.text())] * 2)
def test_two_keys_are_counted_as_one_only_if_they_are_equal(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    names = {counted_as(RateKey(*key)) for key in (one, other)}  # type: ignore[arg-type]
    assert len(names) == len({one, other})
