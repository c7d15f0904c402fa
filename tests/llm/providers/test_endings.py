"""Where each protocol says how its answer ended, and what of its streams is content."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk

from app.llm.failures import ErrorInAnswer
from app.llm.failures.finishing import finish_of, is_content
from app.llm.providers.anthropic import AnthropicAdapter
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from tests.llm.providers.adapters import QUESTION, Caller, caller, caller_of, spec_for
from tests.llm.providers.streamed import ANTHROPIC, ENDINGS, answer, chunk
from tests.servers.models import SSE, any_model, as_json, event
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGenerationChunk

    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

PARTS = ("thought", "text", "call")


def file_it(folder: str) -> None:
    """File a conversation into a folder."""


def tools_of(asked: Caller) -> dict[str, Any]:
    bound: Any = asked.model.bind_tools([file_it])
    return dict(bound.kwargs)


def chunks_of(asked: Caller) -> list[ChatGenerationChunk]:
    """Return the chunks as a plan gets them: from the model itself, not from LangChain's `stream`."""
    with asked.arguments() as ours:
        return list(asked.model._stream(QUESTION, **ours, **tools_of(asked)))  # noqa: SLF001 - as said above


async def achunks_of(asked: Caller) -> list[ChatGenerationChunk]:
    with asked.arguments() as ours:
        stream = asked.model._astream(QUESTION, **ours, **tools_of(asked))  # noqa: SLF001 - as said above
        return [chunk async for chunk in stream]


def whole(chunks: list[ChatGenerationChunk]) -> AIMessageChunk:
    message = reduce(add, (one.message for one in chunks))
    assert isinstance(message, AIMessageChunk)
    return message


def endings(chunks: list[ChatGenerationChunk]) -> list[str]:
    found = (finish_of(one.message, one.generation_info) for one in chunks)
    return [word for word in found if word is not None]


@pytest.mark.parametrize("said", [("text",), ("call",), PARTS], ids="+".join)
async def test_R13_a_stream_says_once_how_it_ended(
    adapter: ProtocolAdapter, transport: Transport, said: tuple[str, ...]
) -> None:
    word = ENDINGS[adapter.name]
    with running(lambda _: answer(adapter.name, said, word)) as server:
        asked = caller(adapter, server.origin, transport)
        for chunks in (chunks_of(asked), await achunks_of(asked)):
            assert endings(chunks) == [word]


@pytest.mark.parametrize("said", [("text",), PARTS], ids="+".join)
async def test_R13_a_stream_that_is_cut_cleanly_says_nothing_of_an_ending(
    adapter: ProtocolAdapter, transport: Transport, said: tuple[str, ...]
) -> None:
    with running(lambda _: answer(adapter.name, said, None)) as server:
        asked = caller(adapter, server.origin, transport)
        for chunks in (chunks_of(asked), await achunks_of(asked)):
            assert endings(chunks) == []


async def test_a_whole_answer_says_how_it_ended(
    adapter: ProtocolAdapter, server: RunningServer, transport: Transport
) -> None:
    asked = caller(adapter, server.origin, transport)
    with asked.arguments() as ours:
        results = [
            asked.model._generate(QUESTION, **ours),  # noqa: SLF001 - as a plan asks
            await asked.model._agenerate(QUESTION, **ours),  # noqa: SLF001 - as a plan asks
        ]
    for result in results:
        first = result.generations[0]
        assert finish_of(first.message, first.generation_info, result.llm_output) == ENDINGS[adapter.name]


@pytest.mark.parametrize("said", PARTS)
def test_R13_content_begins_with_the_first_thought_text_or_call(
    adapter: ProtocolAdapter, transport: Transport, said: str
) -> None:
    with running(lambda _: answer(adapter.name, [said], ENDINGS[adapter.name])) as server:
        chunks = chunks_of(caller(adapter, server.origin, transport))
    known = [is_content(one.message) for one in chunks]
    assert any(known)
    assert not known[-1], "an ending is no content"
    if adapter.name != "gemini":
        assert not known[0], "a role, or the start of a message, is no content"


def test_R13_a_stream_without_content_has_none(adapter: ProtocolAdapter, transport: Transport) -> None:
    with running(lambda _: answer(adapter.name, [], ENDINGS[adapter.name])) as server:
        chunks = chunks_of(caller(adapter, server.origin, transport))
    assert not any(is_content(one.message) for one in chunks)
    assert endings(chunks) == [ENDINGS[adapter.name]]


def test_everything_of_a_stream_can_be_joined(adapter: ProtocolAdapter, transport: Transport) -> None:
    with running(lambda _: answer(adapter.name, PARTS, ENDINGS[adapter.name])) as server:
        message = whole(chunks_of(caller(adapter, server.origin, transport)))
    assert message.text == "Hello there"
    assert [call["args"] for call in message.tool_calls] == [{"folder": "f1"}]
    assert "Hm, so." in str(message.additional_kwargs | {"content": message.content})


# ---------------------------------------------------------------- OpenAI and its kin


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_under_either_name(transport: Transport, name: str) -> None:
    said = {"role": "assistant", "content": "Hello", name: "Hm, so."}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice]}
    parts = [
        chunk({name: "Hm, "}),
        chunk({name: "so.", "content": None}),
        chunk({"content": "Hello"}, "stop"),
    ]

    def script(received: Received) -> Answer:
        return Answer(parts=parts, headers=SSE) if received.json.get("stream") else Answer(as_json(body))

    with running(script) as server:
        asked = caller(OpenAICompatibleAdapter(), server.origin, transport)
        for message in (asked.ask(), whole(chunks_of(asked))):
            assert message.additional_kwargs["reasoning_content"] == "Hm, so."
            assert message.text == "Hello"


def test_reasoning_that_is_no_text_is_left_alone(transport: Transport) -> None:
    parts = [chunk({"reasoning": {"effort": "low"}, "content": "Hello"}), chunk({}, "stop")]
    with running(lambda _: Answer(parts=parts, headers=SSE)) as server:
        message = whole(chunks_of(caller(OpenAICompatibleAdapter(), server.origin, transport)))
    assert (message.text, message.additional_kwargs) == ("Hello", {})


@pytest.mark.parametrize("last", [{"delta": None}, {}], ids=["an empty delta", "no delta"])
def test_an_ending_without_a_delta_is_an_ending(transport: Transport, last: dict[str, Any]) -> None:
    ending = {"id": "c1", "choices": [{"index": 0, "finish_reason": "length"} | last]}
    with running(lambda _: Answer(parts=[chunk({"content": "Hel"}), event(ending)], headers=SSE)) as server:
        chunks = chunks_of(caller(OpenAICompatibleAdapter(), server.origin, transport))
    assert endings(chunks) == ["length"]


async def test_a_refusal_is_no_answer(transport: Transport) -> None:
    said = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice]}
    parts = [chunk({"refusal": "I can't"}), chunk({}, "stop")]

    def script(received: Received) -> Answer:
        return Answer(parts=parts, headers=SSE) if received.json.get("stream") else Answer(as_json(body))

    with running(script) as server:
        asked = caller(OpenAICompatibleAdapter(), server.origin, transport)
        with pytest.raises(ErrorInAnswer):
            asked.ask()
        with pytest.raises(ErrorInAnswer):
            await asked.aask()
        with pytest.raises(ErrorInAnswer):
            chunks_of(asked)


# ---------------------------------------------------------------- Anthropic


async def test_R13_a_stream_of_anthropics_ends_with_a_word_also_where_no_usage_is_known(
    transport: Transport,
) -> None:
    adapter = AnthropicAdapter()
    with running(lambda _: answer("anthropic", ["text"], "end_turn")) as server:
        spec = replace(spec_for(adapter, server.origin), supports=frozenset())
        assert endings(chunks_of(caller_of(spec, adapter, transport))) == ["end_turn"]


async def test_R15_usage_that_isnt_said_is_not_counted_as_none(transport: Transport) -> None:
    adapter = AnthropicAdapter()
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "served",
        "stop_reason": "end_turn",
    }
    values: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": ANTHROPIC["text"][0]},
        {"type": "content_block_delta", "index": 0, "delta": ANTHROPIC["text"][1][0]},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]

    def script(received: Received) -> Answer:
        if received.json.get("stream"):
            return Answer(parts=[event(value, value["type"]) for value in values], headers=SSE)
        return Answer(as_json(message | {"content": [{"type": "text", "text": "Hello "}]}))

    with running(script) as server:
        asked = caller(adapter, server.origin, transport)
        for said in (asked.ask(), await asked.aask(), whole(chunks_of(asked))):
            assert (said.text, said.usage_metadata) == ("Hello ", None)


def test_the_fixtures_server_is_one_of_these_providers(
    adapter: ProtocolAdapter, transport: Transport
) -> None:
    with running(any_model) as server:
        assert endings(chunks_of(caller(adapter, server.origin, transport))) == [ENDINGS[adapter.name]]
