"""A service whose plans go through all three protocols, and servers' answers that fit what was asked for."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from app.containers import Container
from app.containers import running as running_container
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from tests.llm.services import HONOURS
from tests.servers.models import as_json
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.llm import LLMService
    from app.llm.routed_model import RoutedChatModel
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

Called: TypeAlias = "tuple[str, Mapping[str, Any]]"
"""The name of a tool, and its arguments."""
Rows: TypeAlias = "Mapping[str, Mapping[str, Any]]"
"""What is said of providers, by name."""
PROTOCOLS = ("openai_compatible", "gemini", "anthropic")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
FAILED = Answer(b"{}", status=503)


def protocol_of(received: Received) -> str:
    """Return the protocol of a request."""
    path = received.target.partition("?")[0]
    if path.endswith("/chat/completions"):
        return "openai_compatible"
    return "anthropic" if path.endswith("/messages") else "gemini"


def saying(protocol: str, text: str | None = None, call: Called | None = None) -> Answer:
    """Return an answer of a text, or of a tool's call."""
    return Answer(as_json(BODIES[protocol](text, call)))


def _openai(text: str | None, call: Called | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if call:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        message["tool_calls"] = [{"id": "t1", "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    return {**body, "choices": [choice], "usage": USAGE}


def _gemini(text: str | None, call: Called | None) -> dict[str, Any]:
    part = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": text}
    candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": "m"}


def _anthropic(text: str | None, call: Called | None) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": text}
    if call:
        block = {"type": "tool_use", "id": "t1", "name": call[0], "input": call[1]}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [block]}
    usage = {"input_tokens": 3, "output_tokens": 2}
    return message | {"stop_reason": "tool_use" if call else "end_turn", "usage": usage}


BODIES = {"openai_compatible": _openai, "gemini": _gemini, "anthropic": _anthropic}


def fitting(received: Received, values: Mapping[str, Any]) -> Answer:
    """Answer with these values, in the way that the request asks for them: a tool's call, or JSON."""
    body, protocol = received.json, protocol_of(received)
    tools = body.get("tools") or []
    if not tools:
        return saying(protocol, json.dumps(values))
    if protocol == "openai_compatible":
        name = tools[0]["function"]["name"]
    else:
        name = tools[0]["name"] if protocol == "anthropic" else tools[0]["functionDeclarations"][0]["name"]
    return saying(protocol, call=(name, values))


@contextmanager
def wished_at(server: RunningServer, rows: Rows | None = None) -> Iterator[LLMService]:
    """A service with a feature for each protocol, and `mixed`, whose plan goes through all three of them.

    `rows` are what is said of the providers beside that, by protocol.
    """
    row = {"base_url": "https://elsewhere.example", "circuit": "off"}
    providers = {name: {**row, "protocol": name, "key_env": f"{name.upper()}_KEY"} for name in PROTOCOLS}
    for name, said in (rows or {}).items():
        providers[name] |= said
    routes: dict[str, Any] = {name: {"provider": name, "model": f"{name}-model"} for name in PROTOCOLS}
    routes["mixed"] = {**routes[PROTOCOLS[0]], "fallbacks": [routes[name] for name in PROTOCOLS[1:]]}
    features = {name: {"about": name, "attempts": 3 if name == "mixed" else 1} for name in routes}
    profiles = {"premium": {"routes": routes}, "byok": {"extends": "premium"}}
    tables = {"providers": providers, "features": features, "profiles": profiles}
    variables = {f"{name.upper()}_KEY": f"sk-{name}" for name in PROTOCOLS}
    variables |= {f"{name.upper()}_BASE_URL": server.origin for name in PROTOCOLS}
    variables["OPENAI_COMPATIBLE_BASE_URL"] += "/v1"
    repository = InMemoryProfileRepository(tables, HONOURS)
    made = Container(settings=Settings(variables=variables), profile_repository=repository)
    with running_container(made) as container:
        yield container.llm_service()


@contextmanager
def asked_of_all(script: Script, rows: Rows | None = None) -> Iterator[tuple[RoutedChatModel, RunningServer]]:
    """A model whose first two hops fail, the last one answering by a script, and the server of all three."""

    def last_answers(received: Received) -> Answer:
        return script(received) if protocol_of(received) == PROTOCOLS[-1] else FAILED

    with running(last_answers) as server, wished_at(server, rows) as service:
        yield service.get_llm("mixed"), server


def bodies(server: RunningServer) -> dict[str, dict[str, Any]]:
    """Return the body of each protocol's request: there was one of each."""
    found = {protocol_of(one): one.json for one in server.received}
    assert len(server.received) == len(found) == len(PROTOCOLS), [one.target for one in server.received]
    return found


def way_in(protocol: str, body: dict[str, Any]) -> str:
    """Return by which method a request asks for a schema."""
    if body.get("tools"):
        return "function_calling"
    if protocol == "gemini":
        return "json_schema" if "responseJsonSchema" in body["generationConfig"] else "json_mode"
    if protocol == "anthropic":
        return "json_schema" if "output_config" in body else "json_mode"
    kind = body["response_format"]["type"]
    return "json_mode" if kind == "json_object" else str(kind)
