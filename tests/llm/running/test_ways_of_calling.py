"""Every way in which LangChain calls a model runs the whole plan, and says so in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks

from tests.llm.running.hops import HOPS, QUESTION, three_hops
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from langchain_core.messages import BaseMessage

    from app.llm.routed_model import RoutedChatModel
    from tests.llm.running.hops import ThreeHops

    Way = Callable[[RoutedChatModel], Awaitable[list[BaseMessage]]]


async def invoke(model: RoutedChatModel) -> list[BaseMessage]:
    return [model.invoke(QUESTION)]


async def ainvoke(model: RoutedChatModel) -> list[BaseMessage]:
    return [await model.ainvoke(QUESTION)]


async def stream(model: RoutedChatModel) -> list[BaseMessage]:
    return [add_ai_message_chunks(*model.stream(QUESTION))]


async def astream(model: RoutedChatModel) -> list[BaseMessage]:
    return [add_ai_message_chunks(*[chunk async for chunk in model.astream(QUESTION)])]


async def batch(model: RoutedChatModel) -> list[BaseMessage]:
    return [*model.batch([QUESTION, QUESTION])]


async def abatch(model: RoutedChatModel) -> list[BaseMessage]:
    return [*await model.abatch([QUESTION, QUESTION])]


async def batch_as_completed(model: RoutedChatModel) -> list[BaseMessage]:
    return [answer for _, answer in model.batch_as_completed([QUESTION, QUESTION])]


async def abatch_as_completed(model: RoutedChatModel) -> list[BaseMessage]:
    return [answer async for _, answer in model.abatch_as_completed([QUESTION, QUESTION])]


async def generate(model: RoutedChatModel) -> list[BaseMessage]:
    result = model.generate([[HumanMessage(QUESTION)], [HumanMessage(QUESTION)]])
    return [generation.message for [generation] in result.generations]  # type: ignore[union-attr]  # a chat model's


async def agenerate(model: RoutedChatModel) -> list[BaseMessage]:
    result = await model.agenerate([[HumanMessage(QUESTION)], [HumanMessage(QUESTION)]])
    return [generation.message for [generation] in result.generations]  # type: ignore[union-attr]  # as above


async def astream_events(model: RoutedChatModel) -> list[BaseMessage]:
    events = [event async for event in model.astream_events(QUESTION, version="v2")]
    heard: list[Any] = [
        event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"
    ]
    [ended] = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    return [add_ai_message_chunks(*heard), ended]


async def ainvoke_in_a_stream_of_events(model: RoutedChatModel) -> list[BaseMessage]:
    """LangChain streams under `ainvoke` where somebody listens to its tokens."""
    chain = model | (lambda message: message)
    events = [event async for event in chain.astream_events(QUESTION, version="v2")]
    return [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]


WAYS = (
    invoke,
    ainvoke,
    stream,
    astream,
    batch,
    abatch,
    batch_as_completed,
    abatch_as_completed,
    generate,
    agenerate,
    astream_events,
    ainvoke_in_a_stream_of_events,
)


@pytest.fixture(scope="module")
def plan() -> Iterator[ThreeHops]:
    with three_hops() as served:
        yield served


@pytest.mark.parametrize("hop", [1, 2, 3])
@pytest.mark.parametrize("way", WAYS)
async def test_R4_R10_each_way_runs_the_whole_plan(plan: ThreeHops, way: Way, hop: int) -> None:
    plan.begin()
    plan.only(hop)
    answers = await way(plan.model)
    assert {answer.text for answer in answers} == {TEXT}
    calls = 1 if way is astream_events else len(answers)
    assert sorted(plan.asked) == sorted([*(2 * HOPS[: hop - 1]), HOPS[hop - 1]] * calls)
    for answer in answers:
        stamp = answer.response_metadata["pointsman"]
        assert (stamp["hop"], stamp["provider"], stamp["payer"]) == (hop, HOPS[hop - 1], "platform")
        assert stamp["degraded_because"] == (None if hop == 1 else "overloaded")
        assert [one["provider"] for one in stamp["attempts"]] == [
            *(name for name in HOPS[: hop - 1] for _ in range(2)),
            HOPS[hop - 1],
        ]


def shape(value: Any) -> Any:  # noqa: ANN401 - plain data
    """Return plain data without the milliseconds, which no two calls have in common."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items() if name != "ms"}
    return [shape(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("hop", [1, 2, 3])
async def test_the_record_is_the_same_for_whole_answers_and_for_streams(plan: ThreeHops, hop: int) -> None:
    plan.only(hop)
    stamps = [
        shape(answer.response_metadata["pointsman"]) for way in WAYS for answer in await way(plan.model)
    ]
    assert len(stamps) > len(WAYS)
    assert all(stamp == stamps[0] for stamp in stamps)
    assert stamps[0].keys() == {
        *("feature", "profile", "provider", "model", "payer", "hop", "plan", "attempts", "degraded_because"),
    }
    assert stamps[0]["attempts"][-1] == {
        "hop": hop,
        "provider": HOPS[hop - 1],
        "model": f"model-of-{HOPS[hop - 1]}",
        "payer": "platform",
        "outcome": "answered",
        "requests": 1,
    }


async def test_usage_is_that_of_the_hop_that_served(plan: ThreeHops) -> None:
    plan.only(3)
    for way in WAYS:
        for answer in await way(plan.model):
            usage = answer.usage_metadata  # type: ignore[attr-defined]  # an AI message's
            assert (usage["input_tokens"], usage["output_tokens"]) == (3, 2)
