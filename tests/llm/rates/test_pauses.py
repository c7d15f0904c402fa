from __future__ import annotations

from app.llm.rates.pauses import FIRST_S, LONGEST_S, STEADY_S, Pauses
from tests.llm.rates.hand_clock import HandClock


def lengths(pauses: Pauses, number: int) -> list[float | None]:
    found = []
    for _ in range(number):
        pauses.begin()
        found.append(pauses.left())
    return found


def test_each_pause_is_twice_as_long_as_the_one_before_it_up_to_the_longest() -> None:
    assert lengths(Pauses(HandClock().now), 6) == [FIRST_S, 1.0, 2.0, 4.0, LONGEST_S, LONGEST_S]


def test_a_pause_runs_out_and_ends_when_the_server_works() -> None:
    clock = HandClock()
    pauses = Pauses(clock.now)
    assert (bool(pauses), pauses.left()) == (False, None)
    pauses.begin()
    clock.passes(FIRST_S / 2)
    assert (bool(pauses), pauses.left()) == (True, FIRST_S / 2)
    clock.passes(STEADY_S)
    assert (bool(pauses), pauses.left()) == (True, 0.0)
    pauses.end()
    assert (bool(pauses), pauses.left()) == (False, None)


def test_a_server_that_fails_soon_again_is_left_alone_for_longer() -> None:
    clock = HandClock()
    pauses = Pauses(clock.now)
    lengths(pauses, 2)
    pauses.end()
    clock.passes(STEADY_S)
    assert lengths(pauses, 1) == [2.0]


def test_a_server_that_worked_for_long_is_left_alone_shortly_when_it_fails() -> None:
    clock = HandClock()
    pauses = Pauses(clock.now)
    lengths(pauses, 5)
    pauses.end()
    clock.passes(STEADY_S + 1)
    assert lengths(pauses, 2) == [FIRST_S, 1.0]
