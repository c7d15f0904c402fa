"""The form of an answer's text, given for a call, holds at every hop in that hop's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from pydantic import BaseModel
from pydantic.v1 import BaseModel as OldModel

from app.errors import MalformedResponse, UnfitArgument
from tests.llm.wished import PROTOCOLS, asked_of_all, bodies, fitting, protocol_of, saying, wished_at
from tests.servers.running import running

if TYPE_CHECKING:
    from tests.servers.wire import Answer, Received


class Folder(BaseModel):
    """Where it belongs."""

    folder: str


class OldFolder(OldModel):
    """Where it belongs."""

    folder: str


class FolderDict(TypedDict):
    """Where it belongs."""

    folder: str


SCHEMA = {
    "title": "Folder",
    "type": "object",
    "properties": {"folder": {"type": "string"}},
    "required": ["folder"],
}
OPENAIS = {"type": "json_schema", "json_schema": {"name": "Folder", "schema": SCHEMA, "strict": True}}
ANTHROPICS = {"type": "json_schema", "schema": SCHEMA}
ANY_JSON = {"type": "json_object"}
NO_SCHEMAS = {"openai_compatible": {"structured_method": "function_calling"}}


def filed(received: Received) -> Answer:
    return fitting(received, {"folder": "f1"})


def schemas_in(sent: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the schema that each hop was sent."""
    config = sent["gemini"]["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    return [
        sent["openai_compatible"]["response_format"]["json_schema"]["schema"],
        config["responseJsonSchema"],
        sent["anthropic"]["output_config"]["format"]["schema"],
    ]


@pytest.mark.parametrize(
    "given", [Folder, OldFolder, FolderDict, SCHEMA, OPENAIS, ANTHROPICS], ids=lambda one: str(one)[:40]
)
def test_a_schema_of_any_kind_is_rendered_by_each_hop(given: object) -> None:
    with asked_of_all(filed) as (model, server):
        answer = model.bind(response_format=given).invoke("hello")
        schemas = schemas_in(bodies(server))
    assert answer.text == '{"folder": "f1"}'
    assert [list(schema["properties"]) for schema in schemas] == [["folder"]] * 3
    assert [schema["required"] for schema in schemas] == [["folder"]] * 3


def test_openais_format_reaches_openai_as_it_was_given() -> None:
    with asked_of_all(filed) as (model, server):
        model.invoke("hello", response_format=OPENAIS)
        assert bodies(server)["openai_compatible"]["response_format"] == OPENAIS


def test_how_strictly_a_schema_is_meant_may_be_said_beside_it() -> None:
    with asked_of_all(filed) as (model, server):
        model.bind(response_format=SCHEMA, strict=True).invoke("hello")
        assert bodies(server)["openai_compatible"]["response_format"]["json_schema"]["strict"] is True


def test_any_json_is_a_mode_where_there_is_one_and_an_instruction_where_there_is_none() -> None:
    with asked_of_all(filed) as (model, server):
        assert model.bind(response_format=ANY_JSON).invoke([("system", "Be brief."), ("human", "hello")]).text
        sent = bodies(server)
    assert sent["openai_compatible"]["response_format"] == ANY_JSON
    assert sent["gemini"]["generationConfig"]["responseMimeType"] == "application/json"
    assert "responseJsonSchema" not in sent["gemini"]["generationConfig"]
    own, told = (block["text"] for block in sent["anthropic"]["system"])
    assert own == "Be brief."
    assert "one JSON object and nothing else" in told
    assert "output_config" not in sent["anthropic"]


def test_a_provider_whose_row_says_that_it_has_no_schemas_is_told_the_schema() -> None:
    with asked_of_all(filed, NO_SCHEMAS) as (model, server):
        model.bind(response_format=SCHEMA).invoke([("system", "Be brief."), ("human", "hello")])
        sent = bodies(server)["openai_compatible"]
    assert sent["response_format"] == ANY_JSON
    first, told, asked = sent["messages"]
    assert (first["content"], told["role"], asked["content"]) == ("Be brief.", "system", "hello")
    assert '"properties": {"folder"' in told["content"]


def test_without_a_system_message_what_is_told_comes_first() -> None:
    with asked_of_all(filed, NO_SCHEMAS) as (model, server):
        model.bind(response_format=SCHEMA).invoke("hello")
        sent = bodies(server)
    assert [one["role"] for one in sent["openai_compatible"]["messages"]] == ["system", "user"]


def test_text_is_no_wish() -> None:
    with asked_of_all(filed) as (model, server):
        model.bind(response_format={"type": "text"}).invoke("hello")
        sent = bodies(server)
    assert "response_format" not in sent["openai_compatible"]
    assert not sent["gemini"]["generationConfig"].keys() & {"responseMimeType", "responseJsonSchema"}
    assert not sent["anthropic"].keys() & {"system", "output_config"}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("Here it belongs.", ANY_JSON),
        ('```json\n{"folder": "f1"}\n```', ANY_JSON),
        ('["f1"]', ANY_JSON),
        ('{"folder": "f', SCHEMA),
        ('{"folder": 1}', Folder),
        ('{"folder": "f1"', Folder),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_text_of_another_form_is_no_answer(protocol: str, text: str, given: object) -> None:
    with running(lambda one: saying(protocol_of(one), text)) as server, wished_at(server) as service:
        model = service.get_llm(protocol).bind(response_format=given)
        with pytest.raises(MalformedResponse):
            model.invoke("hello")


def test_a_call_of_a_tool_is_an_answer_where_tools_are_offered_beside_a_form() -> None:
    def called(received: Received) -> Answer:
        return saying(protocol_of(received), call=("Folder", {"folder": "f1"}))

    with asked_of_all(called) as (model, server):
        answer = model.bind_tools([Folder], response_format=ANY_JSON).invoke("hello")
        assert bodies(server)["openai_compatible"]["response_format"] == ANY_JSON
    assert answer.tool_calls[0]["args"] == {"folder": "f1"}


def test_a_form_that_only_its_own_server_knows_goes_there() -> None:
    regex = {"type": "regex", "pattern": "f[0-9]"}
    with running(lambda one: saying(protocol_of(one), "f1")) as server, wished_at(server) as service:
        service.get_llm("openai_compatible").bind(response_format=regex).invoke("hello")
        assert server.received[0].json["response_format"] == regex
        for protocol in ("gemini", "anthropic"):
            with pytest.raises(UnfitArgument, match="'response_format'"):
                service.get_llm(protocol).bind(response_format=regex).invoke("hello")
        assert len(server.received) == 1


@pytest.mark.parametrize("given", [5, "json", [SCHEMA], {"title": "x", "enum": [1]}, int], ids=str)
def test_R2_what_is_no_form_is_an_error_of_ours(given: object) -> None:
    with asked_of_all(filed) as (model, server):
        with pytest.raises(UnfitArgument, match=r"'response_format'.*no schema"):
            model.invoke("hello", response_format=given)
        assert server.received == []
