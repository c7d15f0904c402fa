"""Gemini's generateContent, as its API reference describes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.servers.models import event
from tests.standard.judging import demand, known, media
from tests.standard.thinking import Asked, Tool

if TYPE_CHECKING:
    from tests.servers.wire import Received
    from tests.standard.thinking import Reply

PATH = "/v1beta/models/"
KEY_HEADER, KEY_PREFIX = "x-goog-api-key", ""
FIELDS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"}
OPTIONS = {
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
}
PAYLOADS = {"text", "inlineData", "fileData", "functionCall", "functionResponse"}
FINISH = {"end": "STOP", "stop": "STOP", "length": "MAX_TOKENS", "call": "STOP"}
MODES = {"AUTO": "auto", "NONE": "none", "ANY": "any"}
URL_SAFE = str.maketrans("-_", "+/")


def camel(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table with the API's own spelling: its JSON may also name a field as its protobuf does."""
    return {re.sub("_([a-z])", lambda found: found[1].upper(), name): value for name, value in table.items()}


def read(received: Received) -> Asked:
    """Return what is asked. Raises Malformed."""
    body = received.json
    known(body, FIELDS, "the request")
    options = body.get("generationConfig") or {}
    known(options, OPTIONS, "generationConfig")
    contents = body["contents"]
    tools = [function for tool in body.get("tools") or () for function in camel(tool)["functionDeclarations"]]
    return Asked(
        model=received.target.partition("?")[0].removeprefix(PATH).rpartition(":")[0],
        prompt=prompt_of(contents),
        tools=tuple(map(declared, tools)),
        choice=choice((body.get("toolConfig") or {}).get("functionCallingConfig") or {}),
        answered=any("functionResponse" in part for part in contents[-1]["parts"]),
        schema=options.get("responseJsonSchema") or options.get("responseSchema"),
        json_object=options.get("responseMimeType") == "application/json",
        stop=tuple(options.get("stopSequences") or ()),
        most_tokens=options.get("maxOutputTokens"),
    )


def prompt_of(contents: list[dict[str, Any]]) -> str:
    """Return what the user said last, after every content was judged."""
    prompt, called = "", 0
    for content in contents:
        known(content, ("role", "parts"), "a content")
        demand(content["role"] in {"user", "model"}, f"unknown role {content['role']!r}")
        parts = [camel(part) for part in content["parts"]]
        demand(parts, "a content without parts")
        for part in parts:
            judge_part(part, content["role"])
        answers = sum("functionResponse" in part for part in parts)
        demand(answers == called, f"{called} function calls have {answers} responses")
        called = sum("functionCall" in part for part in parts)
        if content["role"] == "user" and any("text" in part for part in parts):
            prompt = " ".join(part["text"] for part in parts if "text" in part)
    demand(not called, "the conversation ends with a function call")
    return prompt


def judge_part(part: dict[str, Any], role: str) -> None:
    """Raise Malformed unless it is one of the parts that this role may send."""
    payload = PAYLOADS & set(part)
    demand(len(payload) == 1, f"a part carries one payload: {sorted(part)}")
    known(part, payload | {"thought", "thoughtSignature"}, "a part")
    if "functionResponse" in part:
        judge_response(part["functionResponse"], role)
    if "functionCall" in part:
        demand(role == "model", "a function call is the model's")
        known(part["functionCall"], ("id", "name", "args"), "functionCall")
    if "inlineData" in part:
        judge_blob(camel(part["inlineData"]))
    if "fileData" in part:
        demand(camel(part["fileData"])["fileUri"].startswith("https://"), "fileData: not a web address")


def judge_blob(blob: dict[str, Any]) -> None:
    """Raise Malformed unless it is a medium, in either alphabet of base64."""
    known(blob, ("data", "mimeType"), "inlineData")
    media(blob["data"].translate(URL_SAFE), blob["mimeType"], "inlineData")


def judge_response(response: dict[str, Any], role: str) -> None:
    """Raise Malformed unless it is the result of a function."""
    demand(role == "user", "a function's response is the user's")
    known(response, ("id", "name", "response", "parts"), "functionResponse")
    demand(response.get("name") and isinstance(response["response"], dict), "functionResponse: not complete")
    for part in response.get("parts") or ():
        known(camel(part), ("inlineData",), "a part of a functionResponse")
        judge_blob(camel(camel(part)["inlineData"]))


def declared(function: dict[str, Any]) -> Tool:
    """Return an offered tool."""
    known(function, ("name", "description", "parameters", "parametersJsonSchema", "behavior"), "a function")
    schema = function.get("parametersJsonSchema") or function.get("parameters") or {"type": "object"}
    return Tool(function["name"], schema)


def choice(config: dict[str, Any]) -> str:
    """Return which function has to be called."""
    known(config, ("mode", "allowedFunctionNames"), "functionCallingConfig")
    mode, names = config.get("mode") or "AUTO", config.get("allowedFunctionNames") or []
    demand(mode in MODES, f"functionCallingConfig: mode {mode!r}")
    demand(not names or mode == "ANY", "allowedFunctionNames needs the mode ANY")
    return str(names[0]) if len(names) == 1 else MODES[mode]


def whole(asked: Asked, reply: Reply) -> dict[str, Any]:
    """Return the answer in one piece."""
    part: dict[str, Any] = {"text": reply.text}
    if reply.call:
        part = {"functionCall": {"name": reply.call.name, "args": reply.call.arguments}}
    return response(asked, reply, part, FINISH[reply.ending])


def streamed(asked: Asked, reply: Reply, body: dict[str, Any]) -> list[bytes]:
    """Return the answer as server-sent events: a call comes whole, a text in pieces."""
    del body
    if reply.call:
        return [event(whole(asked, reply))]
    last = len(reply.pieces) - 1
    return [
        event(response(asked, reply, {"text": piece}, FINISH[reply.ending] if n == last else None, n + 1))
        for n, piece in enumerate(reply.pieces)
    ]


def response(
    asked: Asked, reply: Reply, part: dict[str, Any], finish: str | None, written: int | None = None
) -> dict[str, Any]:
    """Return a response, or one of a stream: its usage counts what was `written` so far (default: all)."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    tokens = reply.output_tokens if written is None else written
    usage = {
        "promptTokenCount": reply.input_tokens,
        "cachedContentTokenCount": reply.cached_tokens,
        "candidatesTokenCount": tokens,
        "thoughtsTokenCount": reply.thought_tokens,
        "totalTokenCount": reply.input_tokens + tokens + reply.thought_tokens,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": "r1",
    }


def error(message: str, status: int) -> dict[str, Any]:
    """Return an error's body."""
    word = "UNAUTHENTICATED" if status == 401 else "INVALID_ARGUMENT"
    return {"error": {"code": status, "message": message, "status": word}}
