"""Streams as providers of the three protocols write them: a thought, a text, a tool's call, an ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.servers.models import SSE, event
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
GEMINI_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def answer(protocol: str, said: Sequence[str], ending: str | None) -> Answer:
    """Return a stream of parts ("thought", "text", "call") that ends with this word, or without one."""
    return Answer(parts=EVENTS[protocol](said, ending), headers=SSE)


# ---------------------------------------------------------------- OpenAI

OPENAI: dict[str, list[dict[str, Any]]] = {
    "thought": [{"reasoning_content": "Hm, "}, {"reasoning_content": "so."}],
    "text": [{"content": "Hello "}, {"content": "there"}],
    "call": [
        {"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": {"name": "file_it"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"folder":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "f1"}'}}]},
    ],
}


def chunk(delta: object, ending: str | None = None) -> bytes:
    """Return one event of OpenAI's."""
    choice = {"index": 0, "delta": delta, "finish_reason": ending}
    return event(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served"}
        | {"choices": [choice]}
    )


def openai_events(said: Sequence[str], ending: str | None) -> list[bytes]:
    """Return OpenAI's events."""
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk(delta) for part in said for delta in OPENAI[part]]
    if ending is not None:
        events.append(chunk({}, ending))
        events.append(event({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}))
    return [*events, b"data: [DONE]\n\n"]


# ---------------------------------------------------------------- Gemini

GEMINI: dict[str, list[dict[str, Any]]] = {
    "thought": [{"text": "Hm, ", "thought": True}, {"text": "so.", "thought": True}],
    "text": [{"text": "Hello "}, {"text": "there"}],
    "call": [{"functionCall": {"name": "file_it", "args": {"folder": "f1"}}}],
}


def gemini_events(said: Sequence[str], ending: str | None) -> list[bytes]:
    """Return Gemini's events: the last one has the ending, and nothing else but usage."""
    parts = [part for name in said for part in GEMINI[name]]
    events = [candidate({"content": {"role": "model", "parts": [part]}}) for part in parts]
    return events if ending is None else [*events, candidate({"finishReason": ending})]


def candidate(value: dict[str, Any]) -> bytes:
    """Return one event of Gemini's."""
    return event(
        {"candidates": [value | {"index": 0}], "usageMetadata": GEMINI_USAGE, "modelVersion": "served"}
    )


# ---------------------------------------------------------------- Anthropic

ANTHROPIC: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "thought": (
        {"type": "thinking", "thinking": "", "signature": ""},
        [
            {"type": "thinking_delta", "thinking": "Hm, "},
            {"type": "thinking_delta", "thinking": "so."},
            {"type": "signature_delta", "signature": "c2ln"},
        ],
    ),
    "text": (
        {"type": "text", "text": ""},
        [{"type": "text_delta", "text": "Hello "}, {"type": "text_delta", "text": "there"}],
    ),
    "call": (
        {"type": "tool_use", "id": "t1", "name": "file_it", "input": {}},
        [
            {"type": "input_json_delta", "partial_json": '{"folder":'},
            {"type": "input_json_delta", "partial_json": ' "f1"}'},
        ],
    ),
}


def anthropic_events(said: Sequence[str], ending: str | None) -> list[bytes]:
    """Return Anthropic's events, pings among them."""
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "served", "content": []}
    start = message | {"stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 0}}
    values: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, part in enumerate(said):
        block, deltas = ANTHROPIC[part]
        values.append({"type": "content_block_start", "index": index, "content_block": block})
        values += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        values.append({"type": "content_block_stop", "index": index})
    if ending is not None:
        delta = {"stop_reason": ending, "stop_sequence": None}
        values.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}})
        values.append({"type": "message_stop"})
    return [event(value, value["type"]) for value in values]


EVENTS = {"openai_compatible": openai_events, "gemini": gemini_events, "anthropic": anthropic_events}
ENDINGS = {"openai_compatible": "stop", "gemini": "STOP", "anthropic": "end_turn"}
