"""What providers say, in three wire protocols, and a script that picks an answer by the request's path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.servers.wire import Gate, Received

SSE = {"content-type": "text/event-stream"}
WORDS = ("Hel", "lo ", "there")
TEXT = "".join(WORDS)


def as_json(value: object) -> bytes:
    """Return a value as JSON."""
    return json.dumps(value).encode()


def event(value: object, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + as_json(value) + b"\n\n"


# ---------------------------------------------------------------- OpenAI


def openai_body(text: str = TEXT) -> bytes:
    """Return a chat completion."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return as_json(_openai("chat.completion", [choice]) | {"usage": usage})


def openai_events(words: Iterable[str] = WORDS) -> list[bytes]:
    """Return the events of a streamed chat completion, with its usage."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    deltas: list[tuple[dict[str, str], str | None]] = [({"content": word}, None) for word in words]
    chunks = [
        _openai("chat.completion.chunk", [{"index": 0, "delta": delta, "finish_reason": reason}])
        for delta, reason in [*deltas, ({}, "stop")]
    ]
    last = _openai("chat.completion.chunk", []) | {"usage": usage}
    return [*map(event, [*chunks, last]), b"data: [DONE]\n\n"]


def _openai(kind: str, choices: Sequence[object]) -> dict[str, Any]:
    return {"id": "c1", "object": kind, "created": 1, "model": "served", "choices": choices}


# ---------------------------------------------------------------- Gemini


def gemini_value(text: str = TEXT, finish: str | None = "STOP") -> dict[str, Any]:
    """Return a generateContent response, or one part of a streamed one."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "served"}


def gemini_events(words: Sequence[str] = WORDS) -> list[bytes]:
    """Return the events of a streamed generateContent."""
    return [event(gemini_value(word, "STOP" if word is words[-1] else None)) for word in words]


# ---------------------------------------------------------------- Anthropic


def anthropic_value(text: str = TEXT) -> dict[str, Any]:
    """Return a message."""
    return {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "served",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }


def anthropic_events(words: Iterable[str] = WORDS) -> list[bytes]:
    """Return the events of a streamed message."""
    start = anthropic_value() | {"content": [], "stop_reason": None}
    values: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
            for word in words
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 3, "output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return [event(value, value["type"]) for value in values]


# ---------------------------------------------------------------- all of them


def events_for(received: Received) -> list[bytes] | None:
    """Return the events that a streaming request asks for, or None if it doesn't ask for a stream."""
    path = received.target.partition("?")[0]
    if path.endswith(":streamGenerateContent"):
        return gemini_events()
    if not path.endswith(("/chat/completions", "/messages")) or not received.json.get("stream"):
        return None
    return openai_events() if path.endswith("/chat/completions") else anthropic_events()


def any_model(received: Received) -> Answer:
    """Answer as the provider whose path was asked for would."""
    events = events_for(received)
    if events is not None:
        return Answer(parts=events, headers=SSE)
    path = received.target.partition("?")[0]
    if path.endswith("/chat/completions"):
        return Answer(openai_body())
    if path.endswith("/messages"):
        return Answer(as_json(anthropic_value()))
    if path.endswith(":generateContent"):
        return Answer(as_json(gemini_value()))
    return Answer(as_json({"error": {"message": f"nothing at {path}"}}), status=404)


def held_back(received: Received, gate: Gate) -> Answer:
    """Answer a streaming request with its first events, and hold the others back behind a gate."""
    events = events_for(received) or []
    half = len(events) // 2
    return Answer(parts=[*events[:half], gate, *events[half:]], headers=SSE)
