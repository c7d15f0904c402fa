"""What a request to a model wants, read from its bytes in any of the three wire protocols."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

if TYPE_CHECKING:
    from app.testing.servers import Seen

Protocol = Literal["openai_compatible", "gemini", "anthropic"]
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What an answer has to be: a text, JSON of a schema, or the call of a tool with arguments of one."""

    kind: Literal["text", "json", "tool"] = "text"
    schema: Table = field(default_factory=dict)
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an answer: when it came (seconds of the clock), to which provider, and with which key.

    `usage`: whether a stream has to end with the number of tokens.
    """

    at_s: float
    provider: str
    protocol: Protocol
    model: str
    key: str | None
    stream: bool
    wish: Wish
    usage: bool = True


def asked_of(seen: Seen, provider: str, at_s: float) -> Asked | None:
    """Return what a request asks a model for; None: it asks for something else, or can't be read."""
    protocol = protocol_of(seen)
    body = _json(seen.body)
    if protocol is None or body is None:
        return None
    model, stream = str(body.get("model", "")), bool(body.get("stream"))
    if protocol == "gemini":
        model, _, method = unquote(_path(seen)).rpartition("/")[2].partition(":")
        stream = method == "streamGenerateContent"
    usage = protocol != "openai_compatible" or bool(_table(body, "stream_options").get("include_usage"))
    wish = WISHES[protocol](body)
    return Asked(at_s, provider, protocol, model, key_of(seen), stream, wish, usage)


def protocol_of(seen: Seen) -> Protocol | None:
    """Return the wire protocol of a request; None: it is none that asks a model."""
    path = _path(seen)
    if seen.method != "POST":
        return None
    if path.endswith("/chat/completions"):
        return "openai_compatible"
    if path.endswith("/v1/messages"):
        return "anthropic"
    return "gemini" if path.endswith((":generateContent", ":streamGenerateContent")) else None


def key_of(seen: Seen) -> str | None:
    """Return the key that a request presents, in whichever header."""
    bearer = seen.header("authorization")
    if bearer is not None:
        return bearer.removeprefix("Bearer ")
    return seen.header("x-api-key") or seen.header("x-goog-api-key")


def _openai_wish(body: Table) -> Wish:
    choice, tools = body.get("tool_choice"), _tables(body, "tools")
    functions = {str(one.get("name")): one for one in (_table(tool, "function") for tool in tools)}
    if functions and choice not in (None, "none", "auto"):
        return _call(
            functions, str(_table(_table(body, "tool_choice"), "function").get("name")), "parameters"
        )
    shape = _table(body, "response_format")
    if shape.get("type") == "json_object":
        return Wish("json")
    return _of_schema(_table(shape, "json_schema").get("schema"))


def _gemini_wish(body: Table) -> Wish:
    config = _table(body, "generationConfig")
    calling = _table(_table(body, "toolConfig"), "functionCallingConfig")
    if calling.get("mode") == "ANY":
        declared = [one for tool in _tables(body, "tools") for one in _tables(tool, "functionDeclarations")]
        functions = {str(one.get("name")): one for one in declared}
        allowed = calling.get("allowedFunctionNames") or [""]
        return _call(functions, str(allowed[0]), "parameters", "parametersJsonSchema")
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema is None and config.get("responseMimeType") == "application/json":
        return Wish("json")
    return _of_schema(schema)


def _anthropic_wish(body: Table) -> Wish:
    choice = _table(body, "tool_choice")
    if choice.get("type") in {"any", "tool"}:
        functions = {str(one.get("name")): one for one in _tables(body, "tools")}
        return _call(functions, str(choice.get("name") or ""), "input_schema")
    shape = _table(_table(body, "output_config"), "format") or _table(body, "output_format")
    return _of_schema(shape.get("schema"))


WISHES = {"openai_compatible": _openai_wish, "gemini": _gemini_wish, "anthropic": _anthropic_wish}


def _call(functions: Mapping[str, Table], forced: str, *schemas: str) -> Wish:
    """Return the wish for a call of the tool that is forced, else of the first one."""
    name = forced if forced in functions else next(iter(functions), forced)
    function = functions.get(name, {})
    schema = next((_table(function, one) for one in schemas if function.get(one)), {})
    return Wish("tool", schema, name)


def _of_schema(schema: object) -> Wish:
    return Wish("json", schema) if isinstance(schema, Mapping) else Wish()


def _path(seen: Seen) -> str:
    return seen.target.partition("?")[0]


def _json(body: bytes) -> Table | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, Mapping) else None


def _table(holder: object, name: str) -> Table:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _tables(holder: Table, name: str) -> list[Table]:
    found = holder.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
