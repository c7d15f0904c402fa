"""A structured answer is read leniently while it streams, and strictly when it is whole."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.v1 import BaseModel as OldModel

from app.errors import StreamBroken
from app.llm.wishes.reading import WholeJson, check_of, reader_of
from tests.llm.wished import PROTOCOLS, protocol_of, wished_at
from tests.servers.models import SSE, anthropic_events, gemini_events, openai_events
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import Runnable

    from tests.servers.wire import Received


class Folder(BaseModel):
    folder: str
    confidence: float = 0.5


class OldFolder(OldModel):
    folder: str


class Dated(BaseModel):
    model_config = ConfigDict(strict=True)

    since: dt.date


SCHEMA = {"title": "folder", "type": "object", "properties": {"folder": {"type": "string"}}}
PIECES = ['{"folder"', ': "f', '1"', ', "confidence": 0.9', "}"]
EVENTS = {"openai_compatible": openai_events, "gemini": gemini_events, "anthropic": anthropic_events}


def streamed(reader: Runnable[Any, Any], pieces: list[str]) -> list[Any]:
    def chunks() -> Iterator[AIMessageChunk]:
        yield from (AIMessageChunk(content=piece) for piece in pieces)

    return list(reader.transform(chunks()))


def test_a_stream_gives_the_values_that_it_has_so_far() -> None:
    found = streamed(reader_of(SCHEMA), PIECES)
    assert found[-1] == {"folder": "f1", "confidence": 0.9}
    assert {"folder": "f1"} in found
    assert found == sorted(found, key=lambda values: len(str(values)))


def test_a_stream_gives_objects_as_soon_as_there_are_enough_values() -> None:
    found = streamed(reader_of(Folder), PIECES)
    assert found[-1] == Folder(folder="f1", confidence=0.9)
    assert all(isinstance(one, Folder) for one in found)
    assert streamed(reader_of(OldFolder), PIECES)[-1] == OldFolder(folder="f1")


@pytest.mark.parametrize("text", ["", "no JSON", '{"folder": "f', '{"folder": "f1"} and more'])
@pytest.mark.parametrize("schema", [SCHEMA, Folder, OldFolder], ids=["values", "an object", "an old object"])
def test_a_whole_text_that_is_no_whole_answer_is_none(schema: Any, text: str) -> None:  # noqa: ANN401 - any kind
    with pytest.raises(OutputParserException):
        reader_of(schema).invoke(AIMessage(text))


@pytest.mark.parametrize("fence", ["{}", "```json\n{}\n```", "```\n{}\n```", "\n ```json \n{}```\n"])
def test_a_code_fence_is_no_part_of_an_answer(fence: str) -> None:
    text = fence.replace("{}", '{"folder": "f1"}')
    assert reader_of(SCHEMA).invoke(AIMessage(text)) == {"folder": "f1"}
    assert reader_of(Folder).invoke(AIMessage(text)) == Folder(folder="f1")
    assert WholeJson().parse(text) == {"folder": "f1"}


def test_an_object_is_made_by_the_rules_that_its_class_has_for_json() -> None:
    assert reader_of(Dated).invoke(AIMessage('{"since": "2026-03-02"}')) == Dated(since=dt.date(2026, 3, 2))


def test_what_is_wrong_with_values_is_known_to_whoever_asks() -> None:
    with pytest.raises(OutputParserException) as caught:
        reader_of(Folder).invoke(AIMessage('{"folder": 5}'))
    assert isinstance(caught.value.__cause__, ValidationError)


def test_a_text_that_its_caller_reads_has_to_be_json_and_nothing_else() -> None:
    assert check_of(SCHEMA).invoke(AIMessage('{"folder": "f1"}')) == {"folder": "f1"}
    assert check_of(Folder).invoke(AIMessage('{"folder": "f1"}')) == Folder(folder="f1")
    for text in ('["f1"]', '```json\n{"folder": "f1"}\n```', ""):
        with pytest.raises(OutputParserException):
            check_of(SCHEMA).invoke(AIMessage(text))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("schema", [SCHEMA, Folder], ids=["values", "an object"])
async def test_every_protocol_streams_structured_answers(protocol: str, schema: Any) -> None:  # noqa: ANN401 - any kind
    def script(received: Received) -> Answer:
        return Answer(parts=EVENTS[protocol_of(received)](PIECES), headers=SSE)

    with running(script) as server, wished_at(server) as service:
        chain = service.get_llm(protocol).with_structured_output(schema, method="json_schema")
        found = [list(chain.stream("hello")), [one async for one in chain.astream("hello")]]
    for answers in found:
        last = answers[-1] if isinstance(answers[-1], dict) else answers[-1].model_dump()
        assert last == {"folder": "f1", "confidence": 0.9}
        assert len(answers) > 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_R13_a_structured_stream_that_ends_too_early_is_broken(protocol: str) -> None:
    def script(received: Received) -> Answer:
        return Answer(parts=EVENTS[protocol_of(received)](PIECES[:3]), headers=SSE)

    with running(script) as server, wished_at(server) as service:
        chain = service.get_llm(protocol).with_structured_output(Folder, method="json_schema")
        with pytest.raises(StreamBroken):
            list(chain.stream("hello"))
