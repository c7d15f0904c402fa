"""R10: what one call says of its budget holds for it, in every way of asking, and reaches no provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from app.errors import InvalidBudget, ModelCallFailed, ProviderTimeout, ProviderUnavailable, StreamBroken
from tests.llm.running.hops import DOWN, HOPS, QUESTION, provider_of, three_hops
from tests.servers.models import SSE, TEXT, events_for, held_back
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.llm.running.hops import ThreeHops
    from tests.servers.wire import Received

    Way = Callable[..., Awaitable[object]]

SOON_S = 0.3
"""Seconds of the machine: what else limits these calls are minutes."""


class Gist(BaseModel):
    """What it is about."""

    about: str


async def invoke(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - a model or a chain
    return asked.invoke(QUESTION, **limits)


async def ainvoke(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return await asked.ainvoke(QUESTION, **limits)


async def stream(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return list(asked.stream(QUESTION, **limits))


async def astream(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return [chunk async for chunk in asked.astream(QUESTION, **limits)]


async def batch(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return asked.batch([QUESTION], **limits)


async def abatch(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return await asked.abatch([QUESTION], **limits)


async def bound(asked: Any, **limits: Any) -> object:  # noqa: ANN401 - as above
    return asked.bind(**limits).invoke(QUESTION)


WAYS = (invoke, ainvoke, stream, astream, batch, abatch, bound)
STREAMED = (stream, astream)
WISHES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda model: model,
    "tools": lambda model: model.bind_tools([Gist]),
    "structured": lambda model: model.with_structured_output(Gist),
    "raw": lambda model: model.with_structured_output(Gist, include_raw=True),
}


@pytest.fixture(scope="module")
def served() -> Iterator[ThreeHops]:
    with three_hops() as plan:
        yield plan


@pytest.fixture
def plan(served: ThreeHops) -> ThreeHops:
    served.begin()
    return served


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
@pytest.mark.parametrize("way", WAYS)
async def test_R10_attempts_are_no_more_than_a_call_allows(
    plan: ThreeHops, way: Way, wish: Callable[[Any], Any]
) -> None:
    plan.answers = dict.fromkeys(HOPS, lambda _: DOWN)
    for attempts, asked in ((1, HOPS[:1]), (2, HOPS[:2]), (3, HOPS), (4, (*HOPS[:1], *HOPS))):
        plan.server.received.clear()
        with pytest.raises(ProviderUnavailable) as caught:
            await way(wish(plan.model), attempts=attempts)
        assert (plan.asked, caught.value.attempts) == ([*asked], attempts)


@pytest.mark.parametrize("name", ["attempts", "deadline_s", "first_token_s", "chunk_s", "connect_s"])
async def test_R10_a_limit_that_makes_no_sense_is_an_error_before_anything_is_sent(
    plan: ThreeHops, name: str
) -> None:
    for way in WAYS:
        for wish in WISHES.values():
            for value in (0, -1, "soon", True, float("nan")):
                with pytest.raises(InvalidBudget, match=f"{name} = "):
                    await way(wish(plan.model), **{name: value})
    assert plan.asked == []


def silent(received: Received) -> Answer:
    """Say nothing, for ever."""
    return Answer(parts=[Gate()])


def opened(received: Received) -> Answer:
    """Begin a stream without content, and say nothing more."""
    begin = [one for one in events_for(received) or [] if b"message_start" in one]
    ping = [b": a ping\n\n"] if provider_of(received) != "nova" else []  # Google sends none, and reads none
    return Answer(parts=[*begin, *ping, Gate()], headers=SSE)


@pytest.mark.parametrize(("way", "hop"), [(invoke, 1), (astream, 1), *((way, 3) for way in WAYS)])
async def test_R10_a_deadline_ends_a_call_at_whichever_hop_it_is(plan: ThreeHops, way: Way, hop: int) -> None:
    plan.only(hop, silent)
    with pytest.raises(ProviderTimeout) as caught:
        await way(plan.model, deadline_s=SOON_S, attempts=hop)
    assert plan.asked == [*HOPS[:hop]]
    assert caught.value.provider == HOPS[hop - 1]
    assert plan.server.next_interruption() > 0, "the connection is left at once"


@pytest.mark.parametrize("way", STREAMED)
async def test_R13_a_stream_without_content_in_time_is_the_next_hops(plan: ThreeHops, way: Way) -> None:
    for hop in (1, 2):
        plan.begin()
        plan.only(hop, opened)
        chunks: Any = await way(plan.model, first_token_s=SOON_S, attempts=3)
        assert "".join(chunk.text for chunk in chunks) == TEXT
        assert plan.asked[-1] == HOPS[hop]
        failed = plan.next_record().attempts[-2]
        assert (failed.hop, failed.failure_class) == (hop, "timeout")


@pytest.mark.parametrize("way", STREAMED)
async def test_R13_a_stream_that_stalls_behind_its_first_content_is_broken(plan: ThreeHops, way: Way) -> None:
    for hop in (1, 2, 3):
        plan.only(hop, lambda received: held_back(received, Gate()))
        with pytest.raises(StreamBroken) as caught:
            await way(plan.model, chunk_s=SOON_S)
        assert (caught.value.provider, caught.value.broken_by) == (HOPS[hop - 1], "timeout")
        assert TEXT.startswith(caught.value.partial)
        assert caught.value.partial


async def test_what_is_said_to_the_plan_reaches_no_provider(plan: ThreeHops) -> None:
    limits = {"deadline_s": 50, "attempts": 6, "first_token_s": 9.5, "chunk_s": 8.5, "connect_s": 7.5}
    plan.only(3)
    for way in WAYS:
        for wish in (WISHES["plain"], WISHES["tools"]):
            await way(wish(plan.model), **limits)
    bodies = b" ".join(received.body for received in plan.server.received)
    assert not [name for name in limits if name.encode() in bodies]


async def test_R4_a_model_that_a_call_names_is_the_first_hops_alone(plan: ThreeHops) -> None:
    for way in WAYS:
        plan.begin()
        plan.only(3)
        await way(plan.model, model="named-by-the-caller", attempts=3)
        named = [b"named-by-the-caller" in one.target.encode() + one.body for one in plan.server.received]
        assert named == [True, False, False]
        record = plan.next_record()
        assert [one.model for one in record.attempts] == [f"model-of-{name}" for name in HOPS]


async def test_the_error_names_every_hop_that_was_tried(plan: ThreeHops) -> None:
    plan.answers = dict.fromkeys(HOPS, lambda _: DOWN)
    for way in WAYS:
        with pytest.raises(ModelCallFailed) as caught:
            await way(plan.model, attempts=3)
        decision = caught.value.decision
        assert [one["provider"] for one in decision["attempts"]] == [*HOPS]
        assert decision["plan"] == [f"model-of-{name}:{name} (platform)" for name in HOPS]
        assert all(name in str(caught.value) for name in HOPS)
