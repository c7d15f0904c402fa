"""Whatever becomes of attempts, in whatever order: each circuit is what its reference says."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.llm.catalog.rows import CircuitRow
from app.llm.circuits.memory import InMemoryCircuits
from app.llm.circuits.port import CircuitKey
from tests.llm.circuits.hand_clock import HandClock
from tests.llm.circuits.reference import Reference

KEYS = (
    CircuitKey("acme", "m", "platform"),
    CircuitKey("acme", "m", "user"),
    CircuitKey("acme", "n", "platform"),
)
WHICH = st.sampled_from(KEYS)
STEPS = st.integers(min_value=0, max_value=100).map(lambda number: number / 4)
"""Seconds; quarters, so that sums are exact."""
WAITS = st.none() | st.sampled_from([0.0, -3.0, float("nan"), 0.5, 8.0, 60.0, 4000.0, float("inf")])


def sane(wait: float | None) -> float | None:
    return wait if wait is not None and wait > 0 else None


class AnyHistory(RuleBasedStateMachine):
    """The circuits of a process, and one reference for each."""

    @initialize(
        failures=st.integers(min_value=1, max_value=4),
        window_s=st.just(8.0),
        open_s=st.sampled_from([1.0, 4.0]),
    )
    def begin(self, failures: int, window_s: float, open_s: float) -> None:
        self.clock = HandClock()
        self.row = CircuitRow(failures=failures, window_s=window_s, open_s=open_s)
        self.circuits = InMemoryCircuits(self.clock)
        self.references = {key: Reference(self.row) for key in KEYS}

    @rule(seconds=STEPS)
    def time_passes(self, seconds: float) -> None:
        self.clock.passes(seconds)

    @rule(key=WHICH)
    def an_attempt_is_made(self, key: CircuitKey) -> None:
        passage = self.circuits.admit(key)
        assert (passage.allowed, passage.probe) == self.references[key].admits(self.clock.at)
        assert passage.allowed or passage.until > self.clock.at

    @rule(key=WHICH)
    def an_attempt_succeeds(self, key: CircuitKey) -> None:
        self.circuits.succeeded(key)
        self.references[key].succeeds(self.clock.at)

    @rule(key=WHICH, wait=WAITS)
    def an_attempt_fails(self, key: CircuitKey, wait: float | None) -> None:
        self.circuits.failed(key, self.row, wait)
        self.references[key].fails(self.clock.at, sane(wait))

    @rule(key=WHICH)
    def an_attempt_says_nothing(self, key: CircuitKey) -> None:
        self.circuits.released(key)
        self.references[key].is_released()

    @invariant()
    def every_circuit_is_what_its_reference_says(self) -> None:
        for key, reference in self.references.items() if hasattr(self, "references") else ():
            state = self.circuits.state(key)
            assert (state.state, state.where) == (reference.phase(self.clock.at), "local")
            assert state.until == (reference.open_until if state.state == "open" else None)


AnyHistory.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
