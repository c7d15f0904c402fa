"""Tools of every kind, and how they are to be used, reach every hop of a plan in that hop's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel

from app.errors import UnfitArgument
from app.llm.wishes import BoundTools
from tests.llm.wished import PROTOCOLS, asked_of_all, bodies, fitting, protocol_of, saying, wished_at
from tests.servers.running import running

if TYPE_CHECKING:
    from tests.servers.wire import Answer, Received


class OfAModel(BaseModel):
    """File it."""

    folder: str


class OfADict(TypedDict):
    """File it."""

    folder: str


def of_a_function(folder: str) -> str:
    """File it."""
    return folder


@tool
def of_a_tool(folder: str) -> str:
    """File it."""
    return folder


SCHEMA = {"type": "object", "properties": {"folder": {"type": "string"}}, "required": ["folder"]}
OPENAIS = {
    "type": "function",
    "function": {"name": "openais", "description": "File it.", "parameters": SCHEMA},
}
JSON_SCHEMA = {"title": "of_a_schema", "description": "File it.", **SCHEMA}
ANTHROPICS = {"name": "anthropics", "description": "File it.", "input_schema": SCHEMA}
TOOLS: list[Any] = [OfAModel, OfADict, of_a_function, of_a_tool, OPENAIS, JSON_SCHEMA, ANTHROPICS]
NAMES = ["OfAModel", "OfADict", "of_a_function", "of_a_tool", "openais", "of_a_schema", "anthropics"]
FORCED = {
    "openai_compatible": "required",
    "gemini": {"mode": "ANY", "allowedFunctionNames": NAMES},
    "anthropic": {"type": "any"},
}
NAMED = {
    "openai_compatible": {"type": "function", "function": {"name": "of_a_tool"}},
    "gemini": {"mode": "ANY", "allowedFunctionNames": ["of_a_tool"]},
    "anthropic": {"type": "tool", "name": "of_a_tool"},
}
FREE = {"openai_compatible": "auto", "gemini": {"mode": "AUTO"}, "anthropic": {"type": "auto"}}
NONE = {"openai_compatible": "none", "gemini": {"mode": "NONE"}, "anthropic": {"type": "none"}}
UNSAID = dict.fromkeys(PROTOCOLS)


def filed(received: Received) -> Answer:
    return fitting(received, {"folder": "f1"})


def names_in(protocol: str, body: dict[str, Any]) -> list[str]:
    if protocol == "openai_compatible":
        return [one["function"]["name"] for one in body["tools"]]
    if protocol == "anthropic":
        return [one["name"] for one in body["tools"]]
    return [one["name"] for one in body["tools"][0]["functionDeclarations"]]


def choice_in(protocol: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    if protocol == "gemini":
        return body.get("toolConfig", {}).get("functionCallingConfig")
    return body.get("tool_choice")


def test_every_kind_of_tool_reaches_every_hop_and_the_last_one_answers_with_a_call() -> None:
    with asked_of_all(filed) as (model, server):
        answer = model.bind_tools(TOOLS).invoke("hello")
        sent = bodies(server)
    assert [call["args"] for call in answer.tool_calls] == [{"folder": "f1"}]
    for protocol in PROTOCOLS:
        assert names_in(protocol, sent[protocol]) == NAMES


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, UNSAID),
        (False, UNSAID),
        ("auto", FREE),
        ({"type": "auto"}, FREE),
        ("none", NONE),
        ("any", FORCED),
        ("required", FORCED),
        (True, FORCED),
        ({"type": "any"}, FORCED),
        ("of_a_tool", NAMED),
        (["of_a_tool"], NAMED),
        ({"type": "function", "function": {"name": "of_a_tool"}}, NAMED),
        ({"type": "tool", "name": "of_a_tool"}, NAMED),
        ({"function_calling_config": {"mode": "ANY", "allowed_function_names": ["of_a_tool"]}}, NAMED),
        ({"function_calling_config": {"mode": "any"}}, FORCED),
    ],
    ids=str,
)
def test_a_choice_of_tools_means_the_same_at_every_hop_whoevers_words_it_is_in(
    choice: Any,  # noqa: ANN401 - every form there is
    expected: dict[str, Any],
) -> None:
    with asked_of_all(filed) as (model, server):
        model.bind_tools(TOOLS, tool_choice=choice).invoke("hello")
        sent = bodies(server)
    for protocol in PROTOCOLS:
        said = choice_in(protocol, sent[protocol])
        wanted = expected[protocol]
        assert said == wanted or (
            protocol == "gemini" and said is not None and said.items() >= wanted.items()
        )


def test_tools_that_come_with_the_call_itself_are_tools_as_well() -> None:
    with asked_of_all(filed) as (model, server):
        model.invoke("hello", tools=[of_a_tool, OPENAIS], tool_choice="openais")
        sent = bodies(server)
    assert [names_in(one, sent[one]) for one in PROTOCOLS] == [["of_a_tool", "openais"]] * 3
    assert sent["anthropic"]["tool_choice"] == {"type": "tool", "name": "openais"}


def test_a_call_may_choose_otherwise_than_was_bound() -> None:
    with asked_of_all(filed) as (model, server):
        model.bind_tools(TOOLS, tool_choice="any").invoke("hello", tool_choice="of_a_tool")
        assert bodies(server)["openai_compatible"]["tool_choice"] == NAMED["openai_compatible"]


def test_strict_tools_are_strict_at_every_hop() -> None:
    with asked_of_all(filed) as (model, server):
        model.bind_tools([of_a_tool], strict=True).invoke("hello")
        sent = bodies(server)
    assert sent["openai_compatible"]["tools"][0]["function"]["strict"] is True
    assert choice_in("gemini", sent["gemini"]) == {"mode": "VALIDATED"}
    assert sent["anthropic"]["tools"][0]["strict"] is True


def test_calls_one_after_the_other_are_said_where_a_protocol_can() -> None:
    with running(filed) as server, wished_at(server) as service:
        for protocol in ("openai_compatible", "anthropic"):
            service.get_llm(protocol).bind_tools(TOOLS, parallel_tool_calls=False).invoke("hello")
        openai, anthropic = (one.json for one in server.received)
        with pytest.raises(UnfitArgument, match=r"'parallel_tool_calls'.*one call in an answer"):
            service.get_llm("gemini").bind_tools(TOOLS, parallel_tool_calls=False).invoke("hello")
        service.get_llm("gemini").bind_tools(TOOLS, parallel_tool_calls=True).invoke("hello")
    assert openai["parallel_tool_calls"] is False
    assert anthropic["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


def test_some_of_the_tools_can_be_chosen_where_a_protocol_can() -> None:
    some = ["of_a_tool", "openais"]
    with running(filed) as server, wished_at(server) as service:
        for protocol in ("openai_compatible", "gemini"):
            service.get_llm(protocol).bind_tools(TOOLS, tool_choice=some).invoke("hello")
        openai, gemini = (one.json for one in server.received)
        with pytest.raises(UnfitArgument, match=r"'tool_choice'.*some of the tools"):
            service.get_llm("anthropic").bind_tools(TOOLS, tool_choice=some).invoke("hello")
    assert openai["tool_choice"]["type"] == "allowed_tools"
    assert choice_in("gemini", gemini)["allowedFunctionNames"] == some


@pytest.mark.parametrize(
    ("tools", "options", "says"),
    [
        (TOOLS, {"tool_choice": "nothing"}, "'nothing' is none of the tools: OfAModel"),
        ([], {"tool_choice": "of_a_tool"}, "there are none"),
        (TOOLS, {"tool_choice": 5}, "5 is none of the tools"),
        (TOOLS, {"tool_choice": {"type": "odd"}}, "knows no such choice"),
        ([{"type": "web_search_20250305", "name": "web_search"}], {}, "no function, and no tool of protocol"),
        ([{"google_search": {}}], {}, "no function, and no tool of protocol 'openai_compatible'"),
        ([object()], {}, "no function, and no tool of protocol"),
    ],
    ids=str,
)
def test_R2_tools_that_a_hop_cant_use_are_an_error_before_anybody_is_asked(
    tools: list[Any], options: dict[str, Any], says: str
) -> None:
    with asked_of_all(filed) as (model, server):
        with pytest.raises(UnfitArgument, match=says):
            model.bind_tools(tools, **options).invoke("hello")
        assert server.received == []


@pytest.mark.parametrize("protocol", ["gemini", "anthropic"])
def test_R2_a_choice_that_only_openai_understands_is_an_error_elsewhere(protocol: str) -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    with running(filed) as server, wished_at(server) as service:
        service.get_llm("openai_compatible").bind_tools(TOOLS).invoke("hello", tool_choice=allowed)
        assert server.received[0].json["tool_choice"] == allowed
        with pytest.raises(UnfitArgument, match=r"'tool_choice'.*knows no such choice"):
            service.get_llm(protocol).bind_tools(TOOLS).invoke("hello", tool_choice=allowed)


def test_tools_of_a_providers_own_go_to_that_provider() -> None:
    own: dict[str, tuple[dict[str, Any], Any]] = {
        "gemini": ({"google_search": {}}, [{"googleSearch": {}}]),
        "anthropic": ({"type": "web_search_20250305", "name": "web_search"}, None),
    }
    with running(lambda one: saying(protocol_of(one), "Hello")) as server, wished_at(server) as service:
        for protocol, (given, sent) in own.items():
            service.get_llm(protocol).bind_tools([given]).invoke("hello")
            assert server.received[-1].json["tools"] == (sent or [given])


@pytest.mark.filterwarnings("ignore:.*top-level")
@pytest.mark.parametrize(("more", "says"), [([], "can't be rendered"), ([of_a_tool], "some of them only")])
def test_R2_a_tool_that_langchain_cant_render_is_an_error_of_ours(more: list[Any], says: str) -> None:
    either = {"name": "either", "description": "d", "parameters": {"type": "object", "anyOf": [SCHEMA]}}
    with running(filed) as server, wished_at(server) as service:
        with pytest.raises(UnfitArgument, match=rf"'tools'.*{says}"):
            service.get_llm("anthropic").bind_tools([either, *more]).invoke("hello")
        assert server.received == []


def test_R2_tools_at_a_provider_that_can_call_none_are_an_error() -> None:
    with asked_of_all(filed, {"gemini": {"supports": ["streaming", "usage"]}}) as (model, server):
        with pytest.raises(UnfitArgument, match=r"'tools'.*'gemini'.*doesn't say that it can call tools"):
            model.bind_tools(TOOLS).invoke("hello")
        assert server.received == []


@pytest.mark.parametrize("option", [{"thinking_budget": 2048}, {"reasoning_effort": "low"}], ids=str)
def test_R2_a_model_that_thinks_cant_be_made_to_call_a_tool_at_anthropic(option: dict[str, Any]) -> None:
    rows = {"anthropic": {"models": [{"match": ["*"], "options": option}]}}
    with running(filed) as server, wished_at(server, rows) as service:
        model = service.get_llm("anthropic")
        with pytest.raises(UnfitArgument, match=r"'tool_choice'.*made to call a tool"):
            model.bind_tools(TOOLS, tool_choice="any").invoke("hello")
        assert server.received == []
        assert model.bind_tools(TOOLS).invoke("hello").tool_calls
        model.bind_tools(TOOLS, tool_choice="any").invoke("hello", thinking_budget=0)
    free, forced = (one.json for one in server.received)
    assert "tool_choice" not in free
    assert (forced["tool_choice"], forced["thinking"]) == ({"type": "any"}, {"type": "disabled"})


def test_tracers_and_agents_see_tools_in_openais_form() -> None:
    shown = BoundTools([of_a_tool, {"google_search": {}}], {})
    assert [one.get("function", {}).get("name") for one in shown] == ["of_a_tool", None]
    assert shown.names == ("of_a_tool",)
    assert BoundTools.of([]) is None
    assert BoundTools.of(None) is None
