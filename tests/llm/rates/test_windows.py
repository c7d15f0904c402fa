"""The storage, as the strategies of the library `limits` use it."""

from __future__ import annotations

import pytest
from limits import parse
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from app.llm.rates.windows import MovingWindows
from tests.llm.rates.hand_clock import HandClock

ITEM = parse("3/4 seconds")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def windows(clock: HandClock) -> MovingWindows:
    return MovingWindows(clock.now, 8)


@pytest.mark.parametrize("strategy", [FixedWindowRateLimiter, MovingWindowRateLimiter])
def test_strategies_of_the_library_count_in_it(
    strategy: type[RateLimiter], windows: MovingWindows, clock: HandClock
) -> None:
    limiter = strategy(windows)
    assert limiter.get_window_stats(ITEM, "a").remaining == 3
    for left in (2, 1, 0):
        assert limiter.test(ITEM, "a")
        assert limiter.hit(ITEM, "a")
        assert limiter.get_window_stats(ITEM, "a").remaining == left
    assert not limiter.test(ITEM, "a")
    assert not limiter.hit(ITEM, "a")
    assert limiter.test(ITEM, "b")
    assert limiter.get_window_stats(ITEM, "a").reset_time == clock.at + 4
    clock.passes(4.5)
    assert limiter.hit(ITEM, "a")


def test_several_requests_are_counted_together_or_not_at_all(windows: MovingWindows) -> None:
    limiter = MovingWindowRateLimiter(windows)
    assert not limiter.hit(ITEM, "a", cost=4)
    assert limiter.hit(ITEM, "a", cost=2)
    assert not limiter.hit(ITEM, "a", cost=2)
    assert limiter.hit(ITEM, "a")


def test_a_window_can_be_forgotten_and_all_of_them(windows: MovingWindows) -> None:
    limiter = MovingWindowRateLimiter(windows)
    for name in "abc":
        limiter.hit(ITEM, name, cost=3)
    limiter.clear(ITEM, "a")
    limiter.clear(ITEM, "never seen")
    assert [limiter.test(ITEM, name) for name in "abc"] == [True, False, False]
    assert windows.get(ITEM.key_for("b")) == 3
    assert windows.get(ITEM.key_for("a")) == 0
    assert windows.reset() == 2
    assert limiter.test(ITEM, "c")
    assert windows.check()


def test_windows_that_are_empty_again_go_as_new_ones_come(windows: MovingWindows, clock: HandClock) -> None:
    roomy = MovingWindows(clock.now, 1000)
    limiter = MovingWindowRateLimiter(roomy)
    for number in range(500):
        limiter.hit(ITEM, str(number))
        clock.passes(1)
        assert len(roomy) <= 8


def test_windows_in_use_stay_while_others_come_and_go(clock: HandClock) -> None:
    roomy = MovingWindows(clock.now, 1000)
    limiter, daily = MovingWindowRateLimiter(roomy), parse("1/day")
    assert limiter.hit(daily, "long")
    for number in range(500):
        limiter.hit(ITEM, str(number))
        clock.passes(1)
    assert not limiter.hit(daily, "long")


def test_there_are_never_more_windows_than_so_many(windows: MovingWindows) -> None:
    limiter = MovingWindowRateLimiter(windows)
    assert all(limiter.hit(ITEM, str(number)) for number in range(50))
    assert len(windows) == 8


def test_what_a_clock_raises_is_no_failure_of_the_storage() -> None:
    def broken() -> float:
        raise ValueError("no time")

    with pytest.raises(ValueError, match="no time"):
        MovingWindowRateLimiter(MovingWindows(broken, 8)).hit(ITEM, "a")
