"""Answers of a schema: by every method and of every kind, at every hop in its own provider's way."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict
from pydantic.v1 import BaseModel as OldModel

from app.errors import MalformedResponse, UnfitArgument
from app.llm import RequestScope, UserEndpoint
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from app.llm.wishes import StructuredWish
from tests.llm.wished import (
    PROTOCOLS,
    asked_of_all,
    bodies,
    fitting,
    protocol_of,
    saying,
    way_in,
    wished_at,
)
from tests.servers.fixtures import server, transport
from tests.servers.running import running

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer
    from tests.servers.wire import Answer, Received

__all__ = ["server", "transport"]


class Folder(BaseModel):
    """Where it belongs."""

    folder: str
    confidence: float = 0.5


class OldFolder(OldModel):
    """Where it belongs."""

    folder: str


class FolderDict(TypedDict):
    """Where it belongs."""

    folder: str


class Dated(BaseModel):
    """Where it belongs, and since when."""

    model_config = ConfigDict(strict=True)

    since: dt.date


SCHEMA = {
    "title": "folder",
    "type": "object",
    "properties": {"folder": {"type": "string"}},
    "required": ["folder"],
}
UNTITLED = {name: value for name, value in SCHEMA.items() if name != "title"}
FUNCTION = {"name": "folder", "description": "Where it belongs.", "parameters": UNTITLED}
LOOSE = {"type": "json_schema", "json_schema": {"name": "folder", "schema": SCHEMA}}
SCHEMAS: list[Any] = [Folder, OldFolder, FolderDict, SCHEMA, UNTITLED, FUNCTION, LOOSE]
WAYS = ("function_calling", "json_schema", "json_mode")

USUAL = {"openai_compatible": "json_schema", "gemini": "json_schema", "anthropic": "function_calling"}
RENDERED: dict[str | None, dict[str, str]] = {
    None: USUAL,
    "function_calling": dict.fromkeys(PROTOCOLS, "function_calling"),
    "json_schema": dict.fromkeys(PROTOCOLS, "json_schema"),
    "json_mode": {"openai_compatible": "json_mode", "gemini": "json_schema", "anthropic": "json_schema"},
}


def filed(received: Received) -> Answer:
    return fitting(received, {"folder": "f1"})


def values(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - an object of either pydantic, or values
    return answer if isinstance(answer, dict) else dict(answer)


@pytest.mark.parametrize("method", RENDERED)
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda one: str(one)[:40])
def test_every_hop_is_asked_in_the_nearest_way_that_it_has(schema: Any, method: str | None) -> None:  # noqa: ANN401 - any kind
    with asked_of_all(filed) as (model, server):
        options: dict[str, Any] = {} if method is None else {"method": method}
        answer = model.with_structured_output(schema, **options).invoke("hello")
        sent = bodies(server)
    assert values(answer)["folder"] == "f1"
    assert (
        isinstance(answer, schema if schema in {Folder, OldFolder} else dict)
        if isinstance(schema, type)
        else True
    )
    assert {one: way_in(one, sent[one]) for one in PROTOCOLS} == RENDERED[method]


@pytest.mark.parametrize("schema", [Folder, FolderDict, SCHEMA], ids=lambda one: str(one)[:40])
async def test_answers_are_parsed_by_the_hop_that_gave_them_in_every_way_of_asking(schema: Any) -> None:  # noqa: ANN401 - any kind
    with asked_of_all(filed) as (model, server):
        for method in WAYS:
            chain = model.with_structured_output(schema, method=method)
            assert values(await chain.ainvoke("hello"))["folder"] == "f1"
            assert [values(one)["folder"] for one in chain.batch(["hello", "there"])] == ["f1", "f1"]
        assert len(server.received) == 27


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("method", WAYS)
def test_with_the_raw_answer_comes_what_was_parsed_or_why_it_was_not(protocol: str, method: str) -> None:
    fits = True

    def script(received: Received) -> Answer:
        return fitting(received, {"folder": "f1"} if fits else {"shelf": "f1"})

    with running(script) as server, wished_at(server) as service:
        chain = service.get_llm(protocol).with_structured_output(Folder, method=method, include_raw=True)
        good = chain.invoke("hello")
        fits = False
        bad = chain.invoke("hello")
    assert isinstance(good["raw"], AIMessage)
    assert (good["parsed"], good["parsing_error"]) == (Folder(folder="f1"), None)
    assert bad["parsed"] is None
    assert bad["parsing_error"] is not None


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
@pytest.mark.parametrize("schema", [Folder, SCHEMA], ids=["a class", "a table"])
def test_an_answer_that_was_cut_is_none(protocol: str, method: str, schema: Any) -> None:  # noqa: ANN401 - any kind
    def cut(received: Received) -> Answer:
        return saying(protocol_of(received), '{"folder": "f')

    with running(cut) as server, wished_at(server) as service:
        chain = service.get_llm(protocol).with_structured_output(schema, method=method)
        with pytest.raises(MalformedResponse):
            chain.invoke("hello")


def test_a_code_fence_around_an_answer_is_taken_off() -> None:
    fenced = '```json\n{"folder": "f1"}\n```\n'
    with running(lambda one: saying(protocol_of(one), fenced)) as server, wished_at(server) as service:
        for schema in (Folder, SCHEMA):
            chain = service.get_llm("openai_compatible").with_structured_output(schema)
            assert values(chain.invoke("hello"))["folder"] == "f1"


def test_answers_are_read_by_the_rules_that_a_class_has_for_json() -> None:
    said = '{"since": "2026-03-02"}'
    with running(lambda one: saying(protocol_of(one), said)) as server, wished_at(server) as service:
        chain = service.get_llm("gemini").with_structured_output(Dated)
        assert chain.invoke("hello") == Dated(since=dt.date(2026, 3, 2))


# ---------------------------------------------------------------- beside tools and options


def test_what_is_said_with_a_schema_and_is_for_the_call_reaches_every_hop() -> None:
    with asked_of_all(filed) as (model, server):
        model.with_structured_output(Folder, temperature=0.2).invoke("hello", max_tokens=50)
        sent = bodies(server)
    assert [sent[one].get("temperature") for one in ("openai_compatible", "anthropic")] == [0.2, 0.2]
    assert (
        sent["gemini"]["generationConfig"] | {"temperature": 0.2, "maxOutputTokens": 50}
        == sent["gemini"]["generationConfig"]
    )


@pytest.mark.parametrize("said", ["an answer", "a call"])
def test_beside_tools_a_schema_is_one_of_the_answers_text(said: str) -> None:
    def search(query: str) -> str:
        """Search."""
        return query

    def script(received: Received) -> Answer:
        call = ("search", {"query": "x"}) if said == "a call" else None
        return saying(protocol_of(received), None if call else '{"folder": "f1"}', call)

    with asked_of_all(script) as (model, server):
        chain = model.with_structured_output(Folder, tools=[search], include_raw=True)
        answer = chain.invoke("hello")
        sent = bodies(server)
    assert [len(sent[one]["tools"]) for one in PROTOCOLS] == [1, 1, 1]
    assert sent["openai_compatible"]["response_format"]["type"] == "json_schema"
    assert "responseJsonSchema" in sent["gemini"]["generationConfig"]
    assert sent["anthropic"]["output_config"]["format"]["type"] == "json_schema"
    if said == "a call":
        assert answer["raw"].tool_calls[0]["args"] == {"query": "x"}
    else:
        assert answer["parsed"] == Folder(folder="f1")


# ---------------------------------------------------------------- mistakes, and what is remembered


@pytest.mark.parametrize(("schema", "method"), [(Folder, "by_guessing"), (None, None), (None, "json_schema")])
def test_a_method_that_there_isnt_and_a_schema_that_is_missing_are_errors_at_once(
    schema: Any,  # noqa: ANN401 - any kind
    method: str | None,
) -> None:
    with pytest.raises(ValueError, match="structured output"):
        StructuredWish(schema, {"method": method})


def test_R2_a_schema_that_cant_be_rendered_is_an_error_of_ours() -> None:
    with running(filed) as server, wished_at(server) as service:
        for protocol in PROTOCOLS:
            with pytest.raises(UnfitArgument, match=r"'structured_output'.*can't be rendered"):
                service.get_llm(protocol).with_structured_output(int).invoke("hello")
        assert server.received == []


def test_a_wish_says_what_it_is_for() -> None:
    assert repr(StructuredWish(Folder, {})) == "StructuredWish(Folder)"
    assert repr(StructuredWish(SCHEMA, {})) == "StructuredWish(schema)"


def test_two_endpoints_of_users_share_nothing_though_their_models_have_one_name(
    server: RunningServer, transport: Transport
) -> None:
    wish, adapter = StructuredWish(Folder, {"method": "function_calling"}), OpenAICompatibleAdapter()
    rendered = []
    with wished_at(server) as service:
        for name, supports in (("one", {"structured_output", "tools"}), ("two", {"structured_output"})):
            endpoint = UserEndpoint(f"https://{name}.example/v1", "swift", "sk-own", supports)
            scope = RequestScope("ada", endpoint=endpoint)
            hop = service.get_llm("openai_compatible", scope=scope).plan.first
            inner = adapter.build(hop.spec, hop.spec.base_url, transport)
            rendered.append(wish.rendered(inner, hop, adapter.calls)[0])
            assert wish.rendered(inner, hop, adapter.calls)[0] is rendered[-1]
    assert [sorted(one) for one in rendered] == [
        ["parallel_tool_calls", "tool_choice", "tools"],
        ["response_format"],
    ]
