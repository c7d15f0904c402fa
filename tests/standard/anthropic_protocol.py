"""Anthropic's messages, as its API reference describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.models import event
from tests.standard.judging import Malformed, Pairing, demand, known, media
from tests.standard.thinking import Asked, Tool

if TYPE_CHECKING:
    from tests.servers.wire import Received
    from tests.standard.thinking import Reply

PATH = "/v1/messages"
KEY_HEADER, KEY_PREFIX = "x-api-key", ""
FIELDS = {
    "model",
    "messages",
    "max_tokens",
    "system",
    "tools",
    "tool_choice",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "output_config",
    "metadata",
}
USER_BLOCKS = {"text", "image", "document", "tool_result"}
MODEL_BLOCKS = {"text", "thinking", "redacted_thinking", "tool_use"}
FINISH = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "call": "tool_use"}


def read(received: Received) -> Asked:
    """Return what is asked. Raises Malformed."""
    body = received.json
    known(body, FIELDS, "the request")
    demand(received.header("anthropic-version"), "anthropic-version: a header is missing")
    demand(isinstance(body.get("max_tokens"), int), "max_tokens: a field is missing")
    judge_blocks([text_block(block) for block in blocks(body.get("system") or [])], {"text"})
    wish = (body.get("output_config") or {}).get("format") or {}
    return Asked(
        model=body["model"],
        prompt=prompt_of(body["messages"]),
        tools=tuple(map(tool, body.get("tools") or ())),
        choice=choice(body.get("tool_choice") or {"type": "auto"}),
        answered=any(block["type"] == "tool_result" for block in blocks(body["messages"][-1]["content"])),
        schema=wish.get("schema"),
        stop=tuple(body.get("stop_sequences") or ()),
        most_tokens=body["max_tokens"],
    )


def blocks(content: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a string, or a list of strings and blocks
    """Return content as blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def text_block(block: Any) -> dict[str, Any]:  # noqa: ANN401 - a string or a block
    """Return a block of a system prompt."""
    return {"type": "text", "text": block} if isinstance(block, str) else dict(block)


def prompt_of(messages: list[dict[str, Any]]) -> str:
    """Return what the user said last, after every message was judged."""
    demand(messages and messages[0]["role"] == "user", "the first message is the user's")
    pairing, prompt = Pairing(), ""
    for message in messages:
        known(message, ("role", "content"), "a message")
        demand(message["role"] in {"user", "assistant"}, f"unknown role {message['role']!r}")
        content = blocks(message["content"])
        if message["role"] == "assistant":
            judge_blocks(content, MODEL_BLOCKS)
            pairing.called(block["id"] for block in content if block["type"] == "tool_use")
            continue
        judge_blocks(content, USER_BLOCKS)
        for block in content:
            if block["type"] == "tool_result":
                pairing.answered(block["tool_use_id"])
        pairing.settled()
        texts = [block["text"] for block in content if block["type"] == "text"]
        prompt = " ".join(texts) or prompt
    pairing.settled()
    return prompt


def judge_blocks(content: list[dict[str, Any]], allowed: set[str]) -> None:
    """Raise Malformed for a block that doesn't belong here, or isn't what it claims to be."""
    demand(content or allowed == {"text"}, "a message without content")
    for block in content:
        kind = block["type"]
        demand(kind in allowed, f"unexpected block {kind!r}")
        if kind == "text":
            known(block, ("type", "text", "cache_control", "citations"), "a text")
            demand(block["text"].strip(), "text content blocks must be non-empty")
        elif kind in {"image", "document"}:
            judge_source(block["source"], kind)
        elif kind == "tool_result":
            known(block, ("type", "tool_use_id", "content", "is_error", "cache_control"), "a tool_result")
            judge_blocks(blocks(block["content"]), {"text", "image", "document"})


def judge_source(source: dict[str, Any], where: str) -> None:
    """Raise Malformed unless it is the source of a picture or a document."""
    match source["type"]:
        case "base64":
            known(source, ("type", "media_type", "data"), where)
            media(source["data"], source["media_type"], where)
        case "url":
            demand(source["url"].startswith("https://"), f"{where}: not a web address")
        case kind:
            raise Malformed(f"{where}: unknown source {kind!r}")


def tool(given: dict[str, Any]) -> Tool:
    """Return an offered tool."""
    known(given, ("name", "description", "input_schema", "cache_control", "strict", "type"), "a tool")
    return Tool(given["name"], given["input_schema"])


def choice(given: dict[str, Any]) -> str:
    """Return which tool has to be called."""
    known(given, ("type", "name", "disable_parallel_tool_use"), "tool_choice")
    demand(given["type"] in {"auto", "any", "tool", "none"}, f"tool_choice: {given['type']!r}")
    return str(given["name"] if given["type"] == "tool" else given["type"])


def whole(asked: Asked, reply: Reply) -> dict[str, Any]:
    """Return the answer in one piece."""
    block: dict[str, Any] = {"type": "text", "text": reply.text}
    if reply.call:
        block = {"type": "tool_use", "id": "toolu_1", "name": reply.call.name, "input": reply.call.arguments}
    return envelope(asked, reply) | {
        "content": [block],
        "stop_reason": FINISH[reply.ending],
        "stop_sequence": reply.stopped_by,
    }


def streamed(asked: Asked, reply: Reply, body: dict[str, Any]) -> list[bytes]:
    """Return the answer as server-sent events."""
    del body
    block: dict[str, Any] = {"type": "text", "text": ""}
    if reply.call:
        block = {"type": "tool_use", "id": "toolu_1", "name": reply.call.name, "input": {}}
    kind, part = ("input_json_delta", "partial_json") if reply.call else ("text_delta", "text")
    deltas = [{"type": kind, part: piece} for piece in reply.pieces]
    ending = {"stop_reason": FINISH[reply.ending], "stop_sequence": reply.stopped_by}
    start = envelope(asked, reply)
    start["usage"] = start["usage"] | {"output_tokens": 1}
    values: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": usage(reply)},
        {"type": "message_stop"},
    ]
    return [event(value, value["type"]) for value in values]


def envelope(asked: Asked, reply: Reply) -> dict[str, Any]:
    """Return a message that says nothing yet."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage(reply),
    }


def usage(reply: Reply) -> dict[str, int]:
    """Return the tokens that were read, from the cache and otherwise, and written."""
    return {
        "input_tokens": reply.input_tokens - reply.cached_tokens,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": reply.output_tokens,
    }


def error(message: str, status: int) -> dict[str, Any]:
    """Return an error's body."""
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "message": message}}
