"""A race in which somebody fails: the other one goes on, unless the table says that nobody may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import (
    InvalidRequest,
    PointsmanError,
    ProviderUnavailable,
    UnfitArgument,
    UserKeyRejected,
)
from app.llm.circuits.memory import InMemoryCircuits
from tests.llm.clocks import Sleepless
from tests.llm.running.hedged import (
    ADA,
    AT_ONCE,
    MIXED,
    NOTHING,
    OPENAI,
    after,
    asked,
    doing,
    first,
    hedged_at,
    outcomes,
    refusing,
    requests,
    second,
    silent,
)
from tests.servers.models import TEXT, any_model
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.catalog.rows import CircuitRow
    from app.llm.circuits.port import CircuitKey
    from tests.llm.running.hedged import Hedged
    from tests.servers.running import RunningServer
    from tests.servers.wire import Answer, Received, Script

__all__ = ["first", "second"]

mixed = pytest.mark.parametrize(("protocols", "way"), MIXED)
ON_USER_KEY = {"share": 0.5, "on_user_key": True}
ROWS: dict[str, dict[str, Any]] = {name: {"circuit": {"failures": 50}} for name in ("one", "two")}


class WatchedCircuits(InMemoryCircuits):
    """Circuits that do something when they are told how an attempt at a provider ended."""

    def __init__(self, provider: str, work: Callable[[], object]) -> None:
        super().__init__()
        self._provider, self._work = provider, work

    def failed(self, key: CircuitKey, row: CircuitRow, retry_after_s: float | None = None) -> None:
        super().failed(key, row, retry_after_s)
        self._ended(key)

    def succeeded(self, key: CircuitKey) -> None:
        super().succeeded(key)
        self._ended(key)

    def _ended(self, key: CircuitKey) -> None:
        if key.provider == self._provider:
            self._work()


async def failure_of(
    hedged: Hedged, way: str, **limits: float
) -> tuple[PointsmanError, list[dict[str, Any]]]:
    """Return the error that a call ends with, and the attempts of its record."""
    with pytest.raises(PointsmanError) as caught:
        await asked(hedged.model(), way, **limits)
    return caught.value, hedged.told().evidence()["attempts"]


def once(script: Script) -> Script:
    """Answer as this script does once, and as a model after that."""
    scripts = [script]

    def answer(received: Received) -> Answer:
        current = scripts.pop() if scripts else any_model
        return current(received)

    return answer


@mixed
async def test_a_first_hop_that_fails_while_the_second_is_under_way_leaves_the_call_to_it(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    asked_too, has_failed = Gate(), Gate()
    first.script = after(asked_too, refusing(503))
    second.script = doing(asked_too.open, after(has_failed))
    parts = {"circuits": WatchedCircuits("one", has_failed.open)}
    with hedged_at((first, second), protocols, ROWS, parts) as hedged:
        hedged.usually(AT_ONCE)
        answer = await asked(hedged.model(), way)
        decision = answer.response_metadata["pointsman"]

        assert (answer.text, decision["hop"], decision["degraded_because"]) == (TEXT, 2, "overloaded")
        assert outcomes(decision["attempts"]) == [(1, "failed", False), (2, "answered", True)]
        assert (len(first.received), len(second.received)) == (1, 1)


@mixed
async def test_a_second_hop_that_fails_while_the_first_is_under_way_changes_nothing_for_it(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    has_failed = Gate()
    first.script, second.script = after(has_failed), refusing(503)
    parts = {"circuits": WatchedCircuits("two", has_failed.open)}
    with hedged_at((first, second), protocols, ROWS, parts) as hedged:
        hedged.usually(AT_ONCE)
        answer = await asked(hedged.model(), way)
        decision = answer.response_metadata["pointsman"]

        assert (answer.text, decision["hop"], decision["degraded_because"]) == (TEXT, 1, None)
        assert outcomes(decision["attempts"]) == [(1, "answered", False), (2, "failed", True)]
        circuits = hedged.container.circuits()
        plan = hedged.container.llm_service().plan("chat")
        assert [circuits.state(hop.circuit).failures for hop in plan.hops] == [0, 1]


@mixed
async def test_where_both_fail_the_budget_is_spent_and_the_later_hop_says_why(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    gate = Gate()
    first.script, second.script = after(gate, refusing(500)), doing(gate.open, refusing(503))
    with hedged_at((first, second), protocols, attempts=2) as hedged:
        hedged.usually(AT_ONCE)
        error, attempts = await failure_of(hedged, way)

        assert isinstance(error, ProviderUnavailable)
        assert (error.provider, error.status, error.attempts) == ("two", 503, 2)
        assert outcomes(attempts) == [(1, "failed", False), (2, "failed", True)]
        assert requests(attempts) == len(first.received) + len(second.received) == 2


@mixed
async def test_where_both_fail_the_call_goes_on_behind_both_of_them(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    gate = Gate()
    first.script = after(gate, refusing(500))
    second.script = once(doing(gate.open, refusing(503)))
    with hedged_at((first, second), protocols, parts={"clock": Sleepless()}, attempts=3) as hedged:
        hedged.usually(AT_ONCE)
        answer = await asked(hedged.model(), way)
        decision = answer.response_metadata["pointsman"]

        assert answer.text == TEXT
        assert outcomes(decision["attempts"]) == [
            (1, "failed", False),
            (2, "failed", True),
            (2, "answered", False),
        ]


@mixed
async def test_a_failure_after_which_nobody_may_be_asked_ends_the_race(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    gate = Gate()
    first.script, second.script = after(gate, refusing(400, "unknown field")), doing(gate.open, silent)
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        error, attempts = await failure_of(hedged, way)

        assert second.next_interruption() == 1
        assert isinstance(error, InvalidRequest)
        assert (error.provider, hedged.under_way) == ("one", NOTHING)
        assert outcomes(attempts) == [(1, "failed", False), (2, "cancelled", True)]


async def test_a_second_hop_that_may_not_go_on_is_no_reason_not_to_wait_for_the_first(
    first: RunningServer, second: RunningServer
) -> None:
    has_failed = Gate()
    first.script, second.script = after(has_failed, refusing(503)), refusing(400, "unknown field")
    parts = {"circuits": WatchedCircuits("two", has_failed.open)}
    with hedged_at((first, second), rows=ROWS, parts=parts, attempts=4) as hedged:
        hedged.usually(AT_ONCE)
        error, attempts = await failure_of(hedged, "ainvoke")

        assert isinstance(error, InvalidRequest)
        assert error.provider == "two"
        assert outcomes(attempts) == [(1, "failed", False), (2, "failed", True)]


@pytest.mark.parametrize("status", [401, 402, 403])
@mixed
async def test_R9_a_refused_user_key_ends_the_race_although_another_key_of_the_user_might_serve(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str, status: int
) -> None:
    gate = Gate()
    first.script, second.script = after(gate, refusing(status)), doing(gate.open, silent)
    with hedged_at((first, second), protocols, hedge=ON_USER_KEY) as hedged:
        hedged.usually(AT_ONCE, ADA)
        with pytest.raises(UserKeyRejected) as caught:
            await asked(hedged.model(ADA), way)
        assert second.next_interruption() == 1
        assert (caught.value.provider, caught.value.payer) == ("one", "user")


async def test_a_refused_user_key_moves_the_bill_as_the_feature_says_and_not_to_the_hop_beside_it(
    first: RunningServer, second: RunningServer
) -> None:
    gate = Gate()
    first.script = once(after(gate, refusing(401)))
    second.script = doing(gate.open, silent)
    row: dict[str, Any] = {"on_user_key_failure": "platform", "attempts": 5}
    with hedged_at((first, second), hedge=ON_USER_KEY, **row) as hedged:
        hedged.usually(AT_ONCE, ADA)
        answer = await hedged.model(ADA).ainvoke("hello")
        decision = answer.response_metadata["pointsman"]
        assert second.next_interruption() == 1
        assert (decision["payer"], decision["hop"]) == ("platform", 3)
        assert outcomes(decision["attempts"]) == [
            (1, "failed", False),
            (2, "cancelled", True),
            (3, "answered", False),
        ]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_mistake_of_the_caller_stays_one_and_nothing_is_sent(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    with hedged_at((first, second), (OPENAI, OPENAI)) as hedged:
        hedged.usually(AT_ONCE)
        with pytest.raises(UnfitArgument):
            await asked(hedged.model().bind(temperature=object()), way)
        assert first.received == second.received == []
