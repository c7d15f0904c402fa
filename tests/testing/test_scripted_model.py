"""What a scripted model says, and what it remembers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import add_ai_message_chunks
from pydantic import BaseModel
from typing_extensions import TypedDict

from app.errors import ScriptExhausted
from app.testing.scripted.model import ScriptedChatModel
from app.testing.scripted.script import Script

if TYPE_CHECKING:
    from app.testing.scripted.script import Call


class Place(BaseModel):
    """Where something is."""

    town: str
    houses: int = 1


class PlaceDict(TypedDict):
    """Where something is."""

    town: str
    houses: int


ULM = {"town": "Ulm", "houses": 3}
SCHEMAS: tuple[Any, ...] = (Place, PlaceDict, Place.model_json_schema())
METHODS = ("function_calling", "json_schema", "json_mode")


def as_values(answer: Any) -> Any:  # noqa: ANN401 - an object of a schema
    return answer.model_dump() if isinstance(answer, BaseModel) else answer


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", SCHEMAS, ids=["pydantic", "typeddict", "json"])
async def test_values_are_said_the_way_they_are_asked_for(schema: Any, method: str) -> None:  # noqa: ANN401 - any schema
    chain = ScriptedChatModel(answers=ULM).with_structured_output(schema, method=method)
    assert as_values(chain.invoke("Where?")) == ULM
    assert as_values(await chain.ainvoke("Where?")) == ULM
    assert as_values(list(chain.stream("Where?"))[-1]) == ULM
    assert as_values([part async for part in chain.astream("Where?")][-1]) == ULM


@pytest.mark.parametrize("method", METHODS)
def test_the_raw_answer_comes_with_its_error_where_it_is_asked_for(method: str) -> None:
    model = ScriptedChatModel(answers=[Place(town="Ulm", houses=3), {"houses": "many"}])
    chain = model.with_structured_output(Place, method=method, include_raw=True)
    assert chain.invoke("Where?")["parsed"] == Place(town="Ulm", houses=3)
    answer = chain.invoke("Where?")
    assert answer["parsed"] is None
    assert isinstance(answer["parsing_error"], OutputParserException | ValueError)
    assert isinstance(answer["raw"], AIMessage)


def test_an_answer_that_is_no_json_is_a_parsing_error() -> None:
    chain = ScriptedChatModel(answers="It is in Ulm.").with_structured_output(Place, method="json_schema")
    with pytest.raises(OutputParserException):
        chain.invoke("Where?")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"method": "telepathy"}, "telepathy"),
        ({"methd": "json_mode"}, "methd"),
        ({"schema": None, "method": "json_schema"}, "needs a schema"),
    ],
)
def test_a_wish_for_structure_that_makes_no_sense_is_an_error(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ScriptedChatModel().with_structured_output(**{"schema": Place, **options})


def test_answers_are_given_in_their_order_and_run_out() -> None:
    model = ScriptedChatModel(answers=["one", "two"], feature="counting")
    assert [model.invoke("?").text, "".join(part.text for part in model.stream("?"))] == ["one", "two"]
    with pytest.raises(ScriptExhausted, match=r"'counting' has 2 answers, and was asked for one more"):
        model.invoke("?")


def test_an_answer_can_be_made_of_the_call() -> None:
    def louder(call: Call) -> str:
        return call.prompt.upper()

    assert ScriptedChatModel(answers=louder).invoke("hello").text == "HELLO"


def test_a_script_can_be_shared() -> None:
    script = Script("both", ["one", "two"])
    models = [ScriptedChatModel(answers=script) for _ in range(2)]
    assert [model.invoke("?").text for model in models] == ["one", "two"]
    assert (script.left, len(script.calls), repr(script)) == (0, 2, "Script('both', calls=2)")
    assert Script("one", "the same").left is None


async def test_a_stream_is_what_the_whole_answer_is() -> None:
    model = ScriptedChatModel(answers="It is in Ulm, on the Danube.")
    whole = model.invoke("Where?")
    chunks = list(model.stream("Where?"))
    assert len(chunks) > 3
    joined = add_ai_message_chunks(*chunks)
    assert (joined.text, joined.usage_metadata) == (whole.text, whole.usage_metadata)
    assert joined.response_metadata["finish_reason"] == "stop"
    assert [chunk.text async for chunk in model.astream("Where?")] == [chunk.text for chunk in chunks]


def test_a_whole_message_is_said_as_it_is() -> None:
    usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
    call = {"name": "look_up", "args": {"town": "Ulm"}, "id": "1", "type": "tool_call"}
    message = AIMessage(
        [{"type": "text", "text": "Let me look."}],
        tool_calls=[call],
        usage_metadata=usage,
    )
    model = ScriptedChatModel(answers=message)
    streamed = add_ai_message_chunks(*model.stream("Where?"))
    for said in (model.invoke("Where?"), streamed):
        assert (said.text, said.usage_metadata) == ("Let me look.", usage)
        assert [(one["name"], one["args"]) for one in said.tool_calls] == [("look_up", {"town": "Ulm"})]


def test_stop_sequences_and_the_limit_of_tokens_are_honoured() -> None:
    model = ScriptedChatModel(answers="one two three four", stop=["four"], max_tokens=2)
    assert model.invoke("?", stop=["two"]).text == "one "
    cut = model.invoke("?")
    assert (cut.text, cut.response_metadata["finish_reason"]) == ("one two ", "length")


def test_values_fill_the_tool_that_has_to_be_called() -> None:
    model = ScriptedChatModel(answers=ULM)
    for choice in ("any", "required", True, "Place", {"type": "function", "function": {"name": "Place"}}):
        said = model.bind_tools([Place], tool_choice=choice).invoke("?")
        assert isinstance(said, AIMessage)
        assert said.tool_calls[0]["args"] == ULM
    free = model.bind_tools([Place]).invoke("?")
    assert json.loads(free.text) == ULM
    assert json.loads(model.invoke("?", tool_choice="any").text) == ULM


def test_the_choice_of_a_tool_that_isnt_there_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"'Plaice', and the tools are: Place"):
        ScriptedChatModel().bind_tools([Place], tool_choice="Plaice")


def test_what_it_was_asked_is_remembered() -> None:
    model = ScriptedChatModel(answers="{}", temperature=0.5)
    model.bind_tools([Place], tool_choice="any", parallel_tool_calls=False).invoke("Where?", stop=["END"])
    list(model.with_structured_output(PlaceDict, method="json_schema").stream([HumanMessage("And there?")]))
    first, second = model.calls
    assert (first.prompt, first.tool_choice, first.forced_tool, first.stop) == (
        "Where?",
        "any",
        "Place",
        ("END",),
    )
    assert first.arguments == {"model": "scripted-model", "temperature": 0.5, "parallel_tool_calls": False}
    assert (second.prompt, second.streamed) == ("And there?", True)
    assert second.schema is not None
    assert second.schema["title"] == "PlaceDict"


def test_an_exception_is_raised_as_it_is() -> None:
    model = ScriptedChatModel(answers=[KeyError("the test's own"), LookupError])
    with pytest.raises(KeyError, match="own"):
        model.invoke("?")
    with pytest.raises(LookupError):
        list(model.stream("?"))
