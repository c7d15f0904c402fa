"""Rate limits in memory, under a clock that is moved by hand."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.rates.memory import MARGIN_S, InMemoryRates
from tests.llm.forks.holding import FirstWaits, held
from tests.llm.rates.crowd import KEY, counted
from tests.llm.rates.hand_clock import HandClock
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from tests.llm.forks.holding import Part

LIMITS = {"1/second": (1, 1), "3/2 seconds": (3, 2), "5/4 seconds": (5, 4), "20/minute": (20, 60)}
QUARTERS = st.integers(0, 16).map(lambda quarters: quarters / 4)
"""Seconds that are sums of powers of two: reckoning with them is exact."""


@given(
    st.lists(
        st.tuples(QUARTERS, st.sampled_from("ab"), st.sets(st.sampled_from(sorted(LIMITS)), min_size=1)),
        max_size=80,
    )
)
def test_no_window_ever_holds_more_than_its_limit_and_room_is_never_refused(
    takes: list[tuple[float, str, set[str]]],
) -> None:
    clock = HandClock()
    rates = InMemoryRates(clock)
    seen: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for pause, model, limits in takes:
        clock.passes(pause)
        room = {
            limit: sum(moment >= clock.at - LIMITS[limit][1] for moment in seen[model, limit])
            < LIMITS[limit][0]
            for limit in limits
        }
        left = rates.take(KEY._replace(model=model), tuple(limits))
        assert (left == 0) == all(room.values())
        if left == 0:
            for limit in limits:
                seen[model, limit].append(clock.at)
        else:
            assert left == MARGIN_S + max(
                seen[model, limit][-LIMITS[limit][0]] + LIMITS[limit][1] - clock.at
                for limit in limits
                if not room[limit]
            )
    for (_, limit), moments in seen.items():
        most, length = LIMITS[limit]
        assert all(later - first > length for first, later in zip(moments, moments[most:], strict=False))


@given(st.lists(QUARTERS, min_size=1, max_size=30), st.sampled_from(sorted(LIMITS)))
def test_there_is_room_after_the_seconds_that_were_told_and_not_before(
    pauses: list[float], limit: str
) -> None:
    clock = HandClock()
    rates = InMemoryRates(clock)
    for pause in pauses:
        clock.passes(pause)
        if left := rates.take(KEY, (limit,)):
            clock.passes(left - 2 * MARGIN_S)
            assert 0 < rates.take(KEY, (limit,)) < 3 * MARGIN_S
            clock.passes(2 * MARGIN_S)
            assert rates.take(KEY, (limit,)) == 0


def test_a_request_that_is_given_back_makes_room_under_each_of_its_limits() -> None:
    limits = ("2/hour", "3/day")
    rates = InMemoryRates(HandClock())
    rates.give_back(KEY, limits)
    assert counted(rates, limits, 3) == 2
    rates.give_back(KEY, limits)
    assert counted(rates, limits, 3) == 1
    assert counted(rates, ("3/day",), 3) == 1


def test_a_clock_that_runs_fast_makes_room_fast() -> None:
    class Fast(HandClock):
        def now(self) -> float:
            self.passes(200)
            return self.at

    assert counted(InMemoryRates(Fast()), ("1/minute",), 50) == 50


def test_a_limit_of_many_requests_is_kept_to_the_last_one() -> None:
    clock = HandClock()
    rates = InMemoryRates(clock)
    for _ in range(3):
        assert counted(rates, ("700/minute",), 1000) == 700
        clock.passes(32)
        assert counted(rates, ("700/minute",), 1000) == 0
        clock.passes(32)


def test_beyond_a_number_of_windows_one_is_forgotten_for_each_new_one() -> None:
    rates = InMemoryRates(HandClock(), most_windows=1)
    ada, eve = (KEY._replace(payer="user", holder=name) for name in ("ada", "eve"))
    assert [rates.take(key, ("1/hour",)) for key in (ada, eve, ada)] == [0.0] * 3
    assert rates.take(ada, ("1/hour",)) > 0


def test_counting_starts_no_thread() -> None:
    before = set(threading.enumerate())
    assert counted(InMemoryRates(), ("1/second", "500/minute"), 100) <= 100
    assert set(threading.enumerate()) <= before


def test_the_library_is_imported_with_the_first_limit() -> None:
    script = (
        "import sys\n"
        "from app.llm.rates.memory import InMemoryRates\n"
        "from app.llm.rates.port import RateKey\n"
        "rates = InMemoryRates()\n"
        "for limits in ((), ('1/hour',)):\n"
        "    rates.take(RateKey('acme', 'm', 'platform'), limits)\n"
        "    print(sorted({'limits', 'redis'} & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['limits']"]


def test_a_limit_that_no_catalog_would_hold_is_an_error_and_not_no_limit() -> None:
    with pytest.raises(ValueError, match="no granularity matched for fortnight"):
        InMemoryRates().take(KEY, ("1/fortnight",))


def rates_in_use(work: FirstWaits) -> Part:
    class Slow(HandClock):
        def now(self) -> float:
            work()
            return super().now()

    part = InMemoryRates(Slow())
    return part, lambda: part.take(KEY, ("1000/hour",)) == 0


def test_R14_a_forked_child_waits_for_no_thread_that_was_counting() -> None:
    (part, use), work = held(rates_in_use)
    part.renew()
    with ThreadPoolExecutor(1) as threads:
        try:
            assert threads.submit(use).result(PATIENCE_S)
        finally:
            work.gate.set()


def test_a_forked_child_counts_anew() -> None:
    rates = InMemoryRates()
    assert counted(rates, ("1/hour",), 2) == 1
    rates.renew()
    assert counted(rates, ("1/hour",), 2) == 1
