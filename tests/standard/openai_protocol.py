"""OpenAI's chat completions, as its API reference describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.servers.models import event
from tests.standard.judging import Malformed, Pairing, data_url, demand, known, media
from tests.standard.thinking import Asked, Tool

if TYPE_CHECKING:
    from tests.servers.wire import Received
    from tests.standard.thinking import Reply

PATH = "/v1/chat/completions"
KEY_HEADER, KEY_PREFIX = "authorization", "Bearer "
FIELDS = {
    "model",
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "n",
    "user",
}
FINISH = {"end": "stop", "stop": "stop", "length": "length", "call": "tool_calls"}
CALL_ID = "call_1"


def read(received: Received) -> Asked:
    """Return what is asked. Raises Malformed."""
    body = received.json
    known(body, FIELDS, "the request")
    stop = body.get("stop")
    demand(stop is None or 1 <= len(stop) <= 4, "stop: one to four sequences")
    return Asked(
        model=body["model"],
        prompt=prompt_of(body["messages"]),
        tools=tuple(map(tool, body.get("tools") or ())),
        choice=choice(body.get("tool_choice") or "auto"),
        answered=body["messages"][-1]["role"] == "tool",
        schema=(body.get("response_format") or {}).get("json_schema", {}).get("schema"),
        json_object=(body.get("response_format") or {}).get("type") == "json_object",
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        most_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
    )


def prompt_of(messages: list[dict[str, Any]]) -> str:
    """Return what the user said last, after every message was judged."""
    pairing, prompt = Pairing(), ""
    for message in messages:
        text = judged_content(message)
        match message["role"]:
            case "tool":
                pairing.answered(message["tool_call_id"])
            case "assistant":
                calls = message.get("tool_calls") or []
                demand(text or calls, "an assistant's message without content or calls")
                pairing.called(call["id"] for call in calls)
            case "user":
                pairing.settled()
                prompt = text
            case role:
                demand(role in {"system", "developer"}, f"unknown role {role!r}")
    pairing.settled()
    return prompt


def judged_content(message: dict[str, Any]) -> str:
    """Return a message's text. Raises Malformed for content that its role can't have."""
    known(message, ("role", "content", "name", "tool_calls", "tool_call_id"), "a message")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        demand(
            part["type"] == "text" or message["role"] == "user",
            f"{part['type']!r} from the {message['role']}",
        )
        judge_part(part)
    return " ".join(part["text"] for part in content if part["type"] == "text")


def judge_part(part: dict[str, Any]) -> None:
    """Raise Malformed unless it is a part that a user may send."""
    kind = part["type"]
    # OpenAI lets Anthropic's mark for its cache pass, as clients that speak to both leave it in.
    known(part, ("type", kind, "cache_control"), f"a part of type {kind!r}")
    match kind:
        case "text":
            demand(isinstance(part["text"], str), "a text is a string")
        case "image_url":
            data_url(part["image_url"]["url"], "image_url")
        case "input_audio":
            media(part["input_audio"]["data"], f"audio/{part['input_audio']['format']}", "input_audio")
        case "file":
            demand(part["file"].get("filename"), "a file needs its name")
            data_url(part["file"]["file_data"], "file")
        case _:
            raise Malformed(f"unknown part {kind!r}")


def tool(given: dict[str, Any]) -> Tool:
    """Return an offered tool."""
    known(given, ("type", "function"), "a tool")
    function = given["function"]
    known(function, ("name", "description", "parameters", "strict"), "a function")
    return Tool(function["name"], function.get("parameters") or {"type": "object"})


def choice(given: Any) -> str:  # noqa: ANN401 - a word, or a table that names a function
    """Return which tool has to be called."""
    if isinstance(given, dict):
        return str(given["function"]["name"])
    demand(given in {"auto", "none", "required"}, f"tool_choice: {given!r}")
    return "any" if given == "required" else str(given)


def whole(asked: Asked, reply: Reply) -> dict[str, Any]:
    """Return the answer in one piece."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if reply.call else reply.text,
        "refusal": None,
    }
    if reply.call:
        function = {"name": reply.call.name, "arguments": json.dumps(reply.call.arguments)}
        message["tool_calls"] = [{"id": CALL_ID, "type": "function", "function": function}]
    choice_ = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[reply.ending]}
    return envelope(asked, "chat.completion", [choice_]) | {"usage": usage(reply)}


def streamed(asked: Asked, reply: Reply, body: dict[str, Any]) -> list[bytes]:
    """Return the answer as server-sent events, with usage if the request asked for it."""
    deltas = call_deltas(reply) if reply.call else [{"content": piece} for piece in reply.pieces]
    first = {"role": "assistant", "content": None if reply.call else ""}
    events = [event(chunk(asked, delta)) for delta in (first, *deltas)]
    events.append(event(chunk(asked, {}, FINISH[reply.ending])))
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append(event(envelope(asked, "chat.completion.chunk", []) | {"usage": usage(reply)}))
    return [*events, b"data: [DONE]\n\n"]


def call_deltas(reply: Reply) -> list[dict[str, Any]]:
    """Return a call as it grows."""
    assert reply.call is not None
    first = {"index": 0, "id": CALL_ID, "type": "function"}
    first |= {"function": {"name": reply.call.name, "arguments": ""}}
    more = [{"index": 0, "function": {"arguments": piece}} for piece in reply.pieces]
    return [{"tool_calls": [call]} for call in (first, *more)]


def chunk(asked: Asked, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """Return one chunk of a streamed answer."""
    return envelope(asked, "chat.completion.chunk", [{"index": 0, "delta": delta, "finish_reason": finish}])


def envelope(asked: Asked, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what every answer and every chunk carries."""
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": asked.model, "choices": choices}


def usage(reply: Reply) -> dict[str, Any]:
    """Return the tokens that were read and written."""
    written = reply.output_tokens + reply.thought_tokens
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": written,
        "total_tokens": reply.input_tokens + written,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reply.thought_tokens},
    }


def error(message: str, status: int) -> dict[str, Any]:
    """Return an error's body."""
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": str(status)}
    }
