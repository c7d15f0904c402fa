"""What stands before a hop: a circuit, and limits of one's own. Being passed over costs no attempt."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import CircuitOpen, ProviderTimeout, ProviderUnavailable, RateLimited
from app.llm.circuits.memory import InMemoryCircuits
from app.llm.circuits.port import FREE, CircuitState, Passage
from tests.llm.running.actors import Target
from tests.llm.running.controlled import ControlledClock
from tests.llm.running.hops import DOWN, HOPS, QUESTION, three_hops
from tests.llm.running.predictions import Ask
from tests.llm.running.scripts import Play
from tests.llm.running.stage import staged
from tests.llm.running.worlds import AT, FEATURE, World, providers
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.llm.circuits.port import CircuitKey
    from app.llm.rates.port import RateKey
    from app.llm.routed_model import RoutedChatModel
    from tests.llm.running.hops import ThreeHops


class GivenCircuits(InMemoryCircuits):
    """Circuits, some of which a test has opened. `told` is what was said of each provider."""

    def __init__(self) -> None:
        super().__init__()
        self.open_until: dict[str, float] = {}
        self.told: dict[str, list[str]] = defaultdict(list)

    def admit(self, key: CircuitKey) -> Passage:
        until = self.open_until.get(key.provider)
        if until is None:
            self.told[key.provider].append("admitted")
            return FREE
        return Passage(allowed=False, until=until)

    def state(self, key: CircuitKey) -> CircuitState:
        until = self.open_until.get(key.provider)
        return CircuitState("closed", "local") if until is None else CircuitState("open", "local", 5, until)

    def succeeded(self, key: CircuitKey) -> None:
        self.told[key.provider].append("succeeded")

    def failed(self, key: CircuitKey, row: object, retry_after_s: float | None = None) -> None:
        self.told[key.provider].append("failed")

    def released(self, key: CircuitKey) -> None:
        self.told[key.provider].append("released")


class GivenRates:
    """Rate limits that have room after as many seconds as a test says, one answer after the other."""

    def __init__(self) -> None:
        self.waits: dict[str, list[float]] = {}
        self.taken: list[RateKey] = []

    def take(self, key: RateKey, limits: tuple[str, ...]) -> float:
        self.taken.append(key)
        waits = self.waits.get(key.provider)
        return waits.pop(0) if waits else 0.0

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        await asyncio.sleep(0)
        return self.take(key, limits)

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def clock() -> ControlledClock:
    return ControlledClock()


@pytest.fixture
def circuits() -> GivenCircuits:
    return GivenCircuits()


@pytest.fixture
def rates() -> GivenRates:
    return GivenRates()


async def invoke(model: RoutedChatModel) -> str:
    return str(model.invoke(QUESTION).text)


async def ainvoke(model: RoutedChatModel) -> str:
    return str((await model.ainvoke(QUESTION)).text)


async def stream(model: RoutedChatModel) -> str:
    return "".join(chunk.text for chunk in model.stream(QUESTION))


async def astream(model: RoutedChatModel) -> str:
    return "".join([chunk.text async for chunk in model.astream(QUESTION)])


Ways = pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream])
LIMITED = {
    "rates": [{"match": ["*"], "payer": "platform", "limits": ["1/minute"]}],
    "circuit": {"failures": 4},
}


@pytest.fixture
def plan(clock: ControlledClock, circuits: GivenCircuits, rates: GivenRates) -> Any:  # noqa: ANN401 - a generator's
    """Yield a plan all of whose hops have a circuit and limits."""
    with three_hops(clock, provider=LIMITED, deadline_s=20.0) as served:
        served.container.circuits.override(circuits)
        served.container.rates.override(rates)
        yield served


def passed_over(plan: ThreeHops) -> list[tuple[int, str, float]]:
    """Return the hops that the last call passed over: number, reason, seconds until it would have gone on."""
    return [(one.hop, one.reason, one.wait_s) for one in plan.next_record().passed_over]


@Ways
async def test_R10_a_hop_whose_circuit_is_open_is_passed_over_without_an_attempt(
    plan: ThreeHops, circuits: GivenCircuits, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    circuits.open_until = {"acme": clock.unix() + 7.0}
    assert await way(plan.model) == TEXT
    assert plan.asked == ["nova"]
    assert passed_over(plan) == [(1, "circuit_open", 7.0)]
    assert circuits.told == {"nova": ["admitted", "succeeded"]}
    assert clock.slept == []


@Ways
async def test_where_every_circuit_is_open_nobody_is_asked(
    plan: ThreeHops, circuits: GivenCircuits, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    circuits.open_until = dict.fromkeys(HOPS, clock.unix() + 7.0)
    with pytest.raises(CircuitOpen) as caught:
        await way(plan.model)
    assert (caught.value.retry_after_s, caught.value.attempts, caught.value.provider) == (7.0, 0, "opus")
    assert plan.asked == []
    assert [hop for hop, _, _ in passed_over(plan)] == [1, 2, 3]


@Ways
async def test_an_error_that_was_seen_says_more_than_a_circuit_that_is_open(
    plan: ThreeHops, circuits: GivenCircuits, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    plan.answers = {"acme": lambda _: DOWN}
    circuits.open_until = {"nova": clock.unix() + 7.0, "opus": clock.unix() + 7.0}
    with pytest.raises(ProviderUnavailable) as caught:
        await way(plan.model)
    assert type(caught.value) is ProviderUnavailable
    assert (caught.value.provider, caught.value.status, caught.value.attempts) == ("acme", 503, 2)
    assert "passed over (circuit_open)" in str(caught.value)


@Ways
async def test_R11_nobody_waits_for_a_retry_that_the_circuit_will_not_let_through(
    plan: ThreeHops, circuits: GivenCircuits, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    def trips(received: object) -> Any:  # noqa: ANN401 - an answer
        circuits.open_until = {"acme": clock.unix() + 60.0}
        return DOWN

    plan.answers = {"acme": trips}
    assert await way(plan.model) == TEXT
    assert (plan.asked, clock.slept) == (["acme", "nova"], [])


@Ways
async def test_a_hop_whose_limits_are_full_is_passed_over_and_its_passage_given_back(
    plan: ThreeHops, circuits: GivenCircuits, rates: GivenRates, way: Callable[[Any], Awaitable[str]]
) -> None:
    rates.waits = {"acme": [5.0]}
    assert await way(plan.model) == TEXT
    assert plan.asked == ["nova"]
    assert passed_over(plan) == [(1, "rate_limit", 5.0)]
    assert circuits.told["acme"] == ["admitted", "released"]
    assert [key.provider for key in rates.taken] == ["acme", "nova"]


@Ways
async def test_R11_the_last_hops_limits_are_waited_for_where_the_deadline_allows_it(
    plan: ThreeHops, rates: GivenRates, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    rates.waits = {"acme": [9.0], "nova": [9.0], "opus": [6.0, 3.0]}
    assert await way(plan.model) == TEXT
    assert (plan.asked, clock.slept) == (["opus"], [6.0, 3.0])


@Ways
async def test_R11_what_the_deadline_does_not_allow_is_an_error_at_once(
    plan: ThreeHops, rates: GivenRates, clock: ControlledClock, way: Callable[[Any], Awaitable[str]]
) -> None:
    rates.waits = {name: [25.0] for name in HOPS}
    with pytest.raises(RateLimited) as caught:
        await way(plan.model)
    assert (caught.value.retry_after_s, caught.value.code, caught.value.attempts) == (25.0, "rate_limit", 0)
    assert (plan.asked, clock.slept) == ([], [])


async def test_a_call_that_is_cancelled_while_it_asks_for_room_gives_its_passage_back(
    plan: ThreeHops, circuits: GivenCircuits
) -> None:
    class Slow(GivenRates):
        """Limits at a place that takes long to answer."""

        async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
            asked.set()
            await asyncio.Event().wait()
            return 0.0

    asked = asyncio.Event()
    plan.container.rates.override(Slow())
    task = asyncio.ensure_future(plan.model.ainvoke(QUESTION))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert circuits.told == {"acme": ["admitted", "released"]}
    assert plan.next_record().outcome == "cancelled"


@pytest.mark.parametrize(
    ("deadline_s", "failures"), [(4.0, 0), (40.0, 1)], ids=["our deadline", "its time-out"]
)
def test_a_slow_provider_is_held_to_its_time_out_and_not_to_our_deadline(
    deadline_s: float, failures: int
) -> None:
    route = {**AT[0], "options": {"timeout_s": 5.0}}
    tables = {
        "providers": providers(circuit={"failures": 4}),
        "features": {FEATURE: {"about": "Summarise", "deadline_s": deadline_s, "attempts": 1}},
        "profiles": {"premium": {"routes": {FEATURE: route}}},
    }
    with staged(World(tables, None, {}, moves_the_bill=False)) as stage:
        key = stage.plan.first.circuit
        assert key is not None
        seen = stage.play(Ask(), {Target(*key): [Play((), after_s=45.0)]}, {}, jitter=0.0)
        assert isinstance(seen.error, ProviderTimeout)
        assert stage.container.circuits().state(key).failures == failures
