"""The circuits of one process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from app.llm.catalog.rows import CircuitRow
from app.llm.circuits.memory import MOST_CIRCUITS, InMemoryCircuits
from app.llm.circuits.port import FREE, CircuitKey, CircuitState, Passage
from app.llm.clock import SystemClock
from tests.llm.circuits.hand_clock import BEGIN, HandClock
from tests.llm.forks.holding import SlowName, held
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.llm.forks.holding import FirstWaits, Part

KEY = CircuitKey("acme", "m", "platform")
ROW = CircuitRow(failures=3, window_s=32.0, open_s=16.0)
THREADS = 16


def opened(clock: HandClock) -> InMemoryCircuits:
    circuits = InMemoryCircuits(clock)
    for _ in range(ROW.failures):
        circuits.failed(KEY, ROW)
    return circuits


class NoTime(SystemClock):
    """A clock that nobody may look at."""

    def unix(self) -> float:
        raise AssertionError("somebody looked at the clock")


def test_what_never_failed_costs_neither_a_lock_nor_a_look_at_the_clock() -> None:
    circuits = InMemoryCircuits(NoTime())
    with circuits.lock:
        assert circuits.admit(KEY) is FREE
        circuits.succeeded(KEY)
        circuits.released(KEY)
    assert repr(circuits) == "InMemoryCircuits(0 with failures)"


def test_an_open_circuit_says_when_it_may_be_tried() -> None:
    clock = HandClock()
    circuits = opened(clock)
    assert circuits.admit(KEY) == Passage(allowed=False, until=BEGIN + 16)
    assert circuits.state(KEY) == CircuitState("open", "local", 3, BEGIN + 16)


def test_another_payer_another_model_and_another_provider_have_circuits_of_their_own() -> None:
    circuits = opened(HandClock())
    for other in (KEY._replace(payer="user"), KEY._replace(model="n"), KEY._replace(provider="other")):
        assert circuits.admit(other) is FREE


def test_of_many_threads_one_is_given_the_probe() -> None:
    clock = HandClock()
    circuits = opened(clock)
    clock.passes(16)
    together = threading.Barrier(THREADS)

    def tries(_: int) -> bool:
        together.wait(PATIENCE_S)
        return circuits.admit(KEY).probe

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(50):
            assert list(pool.map(tries, range(THREADS))).count(True) == 1
            circuits.released(KEY)


class Meanwhile(HandClock):
    """A clock with which something happens while somebody looks at it."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None

    def unix(self) -> float:
        happens, self.meanwhile = self.meanwhile, None
        now = self.at
        if happens is not None:
            happens()
        return now


def test_who_asks_while_another_threads_probe_succeeds_is_let_through_and_is_no_probe() -> None:
    clock = Meanwhile()
    circuits = opened(clock)
    clock.passes(16)
    clock.meanwhile = lambda: circuits.succeeded(KEY)
    assert circuits.admit(KEY) is FREE


def test_who_asks_while_another_threads_probe_fails_is_refused() -> None:
    clock = Meanwhile()
    circuits = opened(clock)
    clock.passes(16)
    clock.meanwhile = lambda: circuits.failed(KEY, ROW)
    assert circuits.admit(KEY) == Passage(allowed=False, until=clock.at + 16)


def test_a_probe_that_is_never_heard_of_again_gives_way_to_the_next_one() -> None:
    clock = HandClock()
    circuits = opened(clock)
    clock.passes(16)
    assert circuits.admit(KEY).probe
    assert circuits.admit(KEY) == Passage(allowed=False, until=clock.at + 16)
    clock.passes(16)
    assert circuits.admit(KEY).probe


def test_a_success_closes_a_half_open_circuit_and_forgets_everything() -> None:
    clock = HandClock()
    circuits = opened(clock)
    clock.passes(16)
    circuits.admit(KEY)
    circuits.succeeded(KEY)
    assert circuits.state(KEY) == CircuitState("closed", "local")
    circuits.failed(KEY, ROW)
    assert circuits.state(KEY) == CircuitState("closed", "local", 1)


def test_R11_a_circuit_stays_open_for_as_long_as_any_of_its_failures_asked_for() -> None:
    clock = HandClock()
    circuits = InMemoryCircuits(clock)
    for wait in (120.0, None, 1.0):
        circuits.failed(KEY, ROW, wait)
    assert circuits.state(KEY).until == BEGIN + 120
    circuits.failed(KEY, ROW, 240.0)
    assert circuits.state(KEY).until == BEGIN + 240
    circuits.failed(KEY, ROW, 1e9)
    assert circuits.state(KEY).until == BEGIN + 600, "no provider shuts itself off for longer"


def test_a_clock_that_is_set_back_keeps_no_circuit_open() -> None:
    clock = HandClock()
    circuits = opened(clock)
    clock.passes(-3600)
    assert circuits.admit(KEY) == Passage(allowed=True, probe=True)
    clock.passes(-3600)
    assert circuits.admit(KEY).probe, "nor does a probe go on for an hour"


def test_failures_ahead_of_a_clock_that_was_set_back_dont_count() -> None:
    clock = HandClock()
    circuits = InMemoryCircuits(clock)
    circuits.failed(KEY, ROW)
    circuits.failed(KEY, ROW)
    clock.passes(-3600)
    circuits.failed(KEY, ROW)
    assert circuits.state(KEY) == CircuitState("closed", "local", 1)


def test_those_that_failed_the_longest_ago_are_forgotten_when_there_are_too_many() -> None:
    circuits = opened(HandClock())
    for number in range(MOST_CIRCUITS - 1):
        circuits.failed(CircuitKey("acme", f"m{number}", "user"), ROW)
    assert not circuits.admit(KEY).allowed
    circuits.failed(CircuitKey("acme", "one more", "user"), ROW)
    assert circuits.admit(KEY) is FREE
    assert len(circuits.breakers) == MOST_CIRCUITS


def test_R14_a_forked_child_waits_for_nobody_and_begins_with_closed_circuits() -> None:
    def slow(work: FirstWaits) -> Part:
        circuits = InMemoryCircuits()
        key = CircuitKey(SlowName("acme", work), "m", "platform")
        return circuits, lambda: circuits.failed(key, ROW)

    (circuits, _), work = held(slow)
    assert isinstance(circuits, InMemoryCircuits)
    try:
        circuits.renew()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(circuits.failed, KEY, ROW).result(PATIENCE_S)
    finally:
        work.gate.set()
    assert circuits.state(KEY).failures == 1


def test_closing_is_nothing_and_may_be_done_twice() -> None:
    circuits = InMemoryCircuits()
    circuits.close()
    circuits.close()
