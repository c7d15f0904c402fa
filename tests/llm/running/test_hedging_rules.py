"""Who is hedged, and who isn't: payers, circuits, rate limits and budgets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from app.llm import RequestScope, UserEndpoint
from app.llm.circuits.memory import InMemoryCircuits
from app.llm.rates.memory import InMemoryRates
from app.llm.running.budget import Budget
from app.llm.running.call import Call
from app.llm.running.hedging import kind_of
from app.llm.running.terms import Terms
from tests.llm.clocks import Sleepless
from tests.llm.running.hedged import (
    ADA,
    ANTHROPIC,
    AT_ONCE,
    GEMINI,
    NEVER,
    NOTHING,
    OPENAI,
    QUESTION,
    WAYS,
    after,
    asked,
    doing,
    first,
    hedged_at,
    outcomes,
    refusing,
    second,
    silent,
)
from tests.servers.models import TEXT, any_model
from tests.servers.running import running
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from app.llm.circuits.port import CircuitKey
    from app.llm.rates.port import RateKey
    from tests.llm.running.hedged import Hedged
    from tests.servers.running import RunningServer

__all__ = ["first", "second"]

CIRCUIT = {"failures": 1, "window_s": 60.0, "open_s": 60.0}
KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")


async def is_not_hedged(
    hedged: Hedged, first: RunningServer, second: RunningServer, scope: RequestScope | None = None
) -> None:
    """Whoever the first hop is, and however slow, nobody is asked beside it."""
    for way in WAYS:
        gate = Gate()
        first.script = after(gate)
        call = asyncio.create_task(in_a_thread(hedged, way, scope))
        await asyncio.to_thread(first.next_arrival)
        gate.open()
        assert outcomes((await call)["attempts"]) == [(1, "answered", False)]
    assert second.received == []


async def in_a_thread(hedged: Hedged, way: str, scope: RequestScope | None) -> dict[str, Any]:
    """Return the record of a call that doesn't hold up this loop."""
    model = hedged.model(scope)
    answer = await asyncio.to_thread(lambda: asyncio.run(asked(model, way)))
    decision: dict[str, Any] = answer.response_metadata["pointsman"]
    return decision


def keys_of(server: RunningServer) -> list[str]:
    """Return the keys that a server was shown."""
    shown = [one.header(name) for one in server.received for name in KEY_HEADERS]
    return [key.removeprefix("Bearer ") for key in shown if key]


async def test_a_users_key_pays_for_one_request_only(first: RunningServer, second: RunningServer) -> None:
    with hedged_at((first, second)) as hedged:
        hedged.usually(AT_ONCE, ADA)
        await is_not_hedged(hedged, first, second, ADA)


@pytest.mark.parametrize("way", WAYS)
async def test_a_users_keys_pay_for_both_requests_where_the_feature_says_so(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    first.script = silent
    with hedged_at((first, second), hedge={"share": 0.5, "on_user_key": True}) as hedged:
        hedged.usually(AT_ONCE, ADA)
        answer = await asked(hedged.model(ADA), way)
        assert answer.response_metadata["pointsman"]["payer"] == "user"
        assert (keys_of(first), keys_of(second)) == (["ada-one-7Hq2"], ["ada-two-9Zk4"])


async def test_a_hop_on_another_bill_is_never_the_second(first: RunningServer, second: RunningServer) -> None:
    of_one = RequestScope("ada", {"one": "ada-one-7Hq2"})
    row: dict[str, Any] = {"on_user_key_failure": "platform"}
    with hedged_at((first, second), hedge={"share": 0.5, "on_user_key": True}, **row) as hedged:
        hedged.usually(AT_ONCE, of_one)
        await is_not_hedged(hedged, first, second, of_one)


def test_how_long_a_users_own_endpoint_takes_is_not_remembered(
    first: RunningServer, second: RunningServer
) -> None:
    own = RequestScope("ada", endpoint=UserEndpoint("https://ada.example/v1", "m", "ada-own-4Tj8"))
    with hedged_at((first, second), hedge={"share": 0.5, "on_user_key": True}) as hedged:
        plan = hedged.container.llm_service().plan("chat", own)
        call = Call(plan, hedged.container.plan_runner(), Terms(Budget.of(plan)))
        assert call.hedge is not None
        call.hedge.note(plan.first, 1.0)
        assert hedged.hedging.latencies.usual(kind_of(plan, plan.first, streaming=False)).samples == 0


async def test_a_hop_whose_circuit_is_open_is_not_the_second(
    first: RunningServer, second: RunningServer
) -> None:
    with hedged_at((first, second), rows={"two": {"circuit": CIRCUIT}}) as hedged:
        hedged.usually(AT_ONCE)
        hop = hedged.container.llm_service().plan("chat").hops[1]
        hedged.container.circuits().failed(hop.circuit, hop.circuit_row)
        await is_not_hedged(hedged, first, second)
        assert hedged.hedging.shares.has("chat"), "a hedge that wasn't made is given back"


async def test_a_hop_whose_rate_limit_is_full_is_not_the_second(
    first: RunningServer, second: RunningServer
) -> None:
    rows = {
        "two": {"rates": [{"match": ["*"], "payer": "platform", "limits": ["1/hour"]}], "circuit": CIRCUIT}
    }
    with hedged_at((first, second), rows=rows) as hedged:
        hop = hedged.container.llm_service().plan("chat").hops[1]
        assert hedged.container.plan_runner().gates.take(hop, None) == 0.0
        hedged.usually(AT_ONCE)
        await is_not_hedged(hedged, first, second)
        assert hedged.hedging.shares.has("chat")


async def test_a_first_hop_that_is_passed_over_leaves_its_place_to_the_second(
    first: RunningServer, second: RunningServer
) -> None:
    with (
        running(any_model) as third,
        hedged_at(
            (first, second, third), (OPENAI, ANTHROPIC, GEMINI), {"one": {"circuit": CIRCUIT}}
        ) as hedged,
    ):
        plan = hedged.container.llm_service().plan("chat")
        hedged.usually(AT_ONCE)
        hedged.usually(AT_ONCE, hop=2)
        hedged.container.circuits().failed(plan.first.circuit, plan.first.circuit_row)
        second.script = silent
        answer = await hedged.model().ainvoke(QUESTION)
        decision = answer.response_metadata["pointsman"]
        assert (answer.text, decision["degraded_because"]) == (TEXT, "circuit_open")
        assert outcomes(decision["attempts"]) == [(2, "cancelled", False), (3, "answered", True)]
        assert first.received == []


async def test_a_call_without_an_attempt_to_spare_is_not_hedged(
    first: RunningServer, second: RunningServer
) -> None:
    with hedged_at((first, second)) as hedged:
        hedged.usually(AT_ONCE)
        for way in WAYS:
            answer = await asked(hedged.model(), way, attempts=1)
            assert outcomes(answer.response_metadata["pointsman"]["attempts"]) == [(1, "answered", False)]
        assert second.received == []


@pytest.mark.parametrize("way", WAYS)
async def test_a_first_attempt_that_fails_alone_is_made_again_as_ever(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    with hedged_at((first, second), parts={"clock": Sleepless()}) as hedged:
        hedged.usually(NEVER)
        first.script = doing(lambda: setattr(first, "script", any_model), refusing(503))
        answer = await asked(hedged.model(), way)
        attempts = answer.response_metadata["pointsman"]["attempts"]
        assert outcomes(attempts) == [(1, "failed", False), (1, "answered", False)]
        assert second.received == []


def test_only_the_first_attempt_of_a_call_is_hedged(first: RunningServer, second: RunningServer) -> None:
    with hedged_at((first, second)) as hedged:
        hedged.usually(AT_ONCE)
        plan, runner = hedged.container.llm_service().plan("chat"), hedged.container.plan_runner()
        call = Call(plan, runner, Terms(Budget.of(plan)))
        assert call.hedge is not None
        assert call.hedge.beside() == (plan.hops[1], AT_ONCE)
        call.course.begin()
        assert call.hedge.beside() is None


class Told(InMemoryCircuits):
    """Circuits that remember what they were told. `served` is set when an attempt has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, str]] = []
        self.served = asyncio.Event()

    def succeeded(self, key: CircuitKey) -> None:
        super().succeeded(key)
        self.told.append((key.provider, "succeeded"))
        self.served.set()

    def released(self, key: CircuitKey) -> None:
        super().released(key)
        self.told.append((key.provider, "released"))


class Slow(InMemoryRates):
    """Rate limits of one provider that are asked over a slow network. `asked` is set when that begins."""

    def __init__(self, asked: asyncio.Event, answered: asyncio.Event) -> None:
        super().__init__()
        self._asked, self._answered = asked, answered

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        self._asked.set()
        await self._answered.wait()
        return await super().atake(key, limits)


ROWS: dict[str, dict[str, Any]] = {
    "one": {"circuit": CIRCUIT},
    "two": {"rates": [{"match": ["*"], "payer": "platform", "limits": ["9/hour"]}], "circuit": CIRCUIT},
}


async def test_a_call_that_is_cancelled_while_the_second_hop_is_looked_at_leaves_its_circuit_free(
    first: RunningServer, second: RunningServer
) -> None:
    first.script = silent
    looked_at, circuits = asyncio.Event(), Told()
    parts = {"circuits": circuits, "rates": Slow(looked_at, asyncio.Event())}
    with hedged_at((first, second), rows=ROWS, parts=parts) as hedged:
        hedged.usually(AT_ONCE)
        call = asyncio.create_task(hedged.model().ainvoke(QUESTION))
        await looked_at.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert sorted(circuits.told) == [("one", "released"), ("two", "released")]
        assert (second.received, hedged.under_way) == ([], NOTHING)


async def test_a_second_hop_that_was_looked_at_for_too_long_is_not_asked(
    first: RunningServer, second: RunningServer
) -> None:
    gate = Gate()
    first.script = after(gate)
    looked_at, answered, circuits = asyncio.Event(), asyncio.Event(), Told()
    parts = {"circuits": circuits, "rates": Slow(looked_at, answered)}
    with hedged_at((first, second), rows=ROWS, parts=parts) as hedged:
        hedged.usually(AT_ONCE)
        call = asyncio.create_task(hedged.model().ainvoke(QUESTION))
        await looked_at.wait()
        gate.open()
        await circuits.served.wait()
        answered.set()
        answer = await call
        assert outcomes(answer.response_metadata["pointsman"]["attempts"]) == [(1, "answered", False)]
        assert circuits.told == [("one", "succeeded"), ("two", "released")]
        assert second.received == []
        assert hedged.hedging.shares.has("chat")
