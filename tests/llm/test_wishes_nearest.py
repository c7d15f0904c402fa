"""A way of asking for a schema that a hop lacks becomes the nearest that it has, and never a looser one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tests.llm.wished import PROTOCOLS, asked_of_all, bodies, fitting, way_in, wished_at
from tests.servers.running import running

if TYPE_CHECKING:
    from tests.servers.wire import Answer, Received


class Folder(BaseModel):
    """Where it belongs."""

    folder: str


SCHEMA = {
    "title": "folder",
    "type": "object",
    "properties": {"folder": {"type": "string"}},
    "required": ["folder"],
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "folder", "schema": SCHEMA, "strict": True}}
WAYS = ("function_calling", "json_schema", "json_mode")


def filed(received: Received) -> Answer:
    return fitting(received, {"folder": "f1"})


@pytest.mark.parametrize("method", [None, *WAYS])
def test_a_strict_wish_is_strict_at_every_hop(method: str | None) -> None:
    options: dict[str, Any] = {} if method is None else {"method": method}
    with asked_of_all(filed) as (model, server):
        model.with_structured_output(SCHEMA, strict=True, **options).invoke("hello")
        sent = bodies(server)
    openai = sent["openai_compatible"]
    asked = openai["tools"][0]["function"] if "tools" in openai else openai["response_format"]["json_schema"]
    assert asked["strict"] is True
    assert way_in("anthropic", sent["anthropic"]) == "json_schema", "what is kept to by force is strict"


def test_how_strictly_a_table_of_openais_is_meant_is_read_in_it() -> None:
    with asked_of_all(filed) as (model, server):
        model.with_structured_output(FORMAT, method="function_calling").invoke("hello")
        assert bodies(server)["openai_compatible"]["tools"][0]["function"]["strict"] is True


# ---------------------------------------------------------------- what a hop's row, options and model allow


@pytest.mark.parametrize(
    ("row", "method", "expected"),
    [
        ({"structured_method": "function_calling"}, None, "function_calling"),
        ({"structured_method": "function_calling"}, "json_schema", "function_calling"),
        ({"structured_method": "function_calling"}, "json_mode", "json_mode"),
        ({"structured_method": "json_mode"}, "json_schema", "json_mode"),
        ({"structured_method": "json_mode"}, "function_calling", "function_calling"),
        ({"supports": ["structured_output", "usage"]}, "function_calling", "json_schema"),
        ({"supports": ["usage"], "structured_method": "json_mode"}, "function_calling", "json_mode"),
        ({"supports": ["usage"], "structured_method": "function_calling"}, None, "json_schema"),
    ],
    ids=str,
)
def test_a_method_that_a_provider_lacks_becomes_the_nearest_that_it_has(
    row: dict[str, Any], method: str | None, expected: str
) -> None:
    options: dict[str, Any] = {} if method is None else {"method": method}
    with running(filed) as server, wished_at(server, {"openai_compatible": row}) as service:
        chain = service.get_llm("openai_compatible").with_structured_output(Folder, **options)
        assert chain.invoke("hello") == Folder(folder="f1")
        assert way_in("openai_compatible", server.received[0].json) == expected


@pytest.mark.parametrize("option", [{"thinking_budget": 2048}, {"reasoning_effort": "low"}], ids=str)
def test_a_model_that_thinks_is_asked_without_force_at_anthropic(option: dict[str, Any]) -> None:
    rows = {"anthropic": {"models": [{"match": ["*"], "options": option}]}}
    with running(filed) as server, wished_at(server, rows) as service:
        chain = service.get_llm("anthropic").with_structured_output(Folder, method="function_calling")
        assert chain.invoke("hello") == Folder(folder="f1")
        assert chain.invoke("hello", thinking_budget=0) == Folder(folder="f1")
        ways = [way_in("anthropic", one.json) for one in server.received]
    assert ways == ["json_schema", "json_schema"]


def test_a_wish_for_json_without_a_schema_is_one_for_any_json() -> None:
    with asked_of_all(filed) as (model, server):
        chain = model.with_structured_output(None, method="json_mode")  # type: ignore[arg-type]  # as LangChain's models take it
        assert chain.invoke("hello") == {"folder": "f1"}
        sent = bodies(server)
    assert {one: way_in(one, sent[one]) for one in PROTOCOLS} == dict.fromkeys(PROTOCOLS, "json_mode")
    assert "one JSON object" in sent["anthropic"]["system"][0]["text"]
