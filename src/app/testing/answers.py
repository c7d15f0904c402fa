"""What providers say, in the three wire protocols: just enough for an SDK to take it for an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app.testing.servers import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.testing.servers import Replying, Seen

TEXT = "Here it belongs."
STREAMED = {"content-type": "text/event-stream"}


def reply_of(protocol: str) -> Replying | None:
    """Return how a provider of this wire protocol answers, or None for a protocol that isn't ours."""
    return {"openai_compatible": openai_reply, "gemini": gemini_reply, "anthropic": anthropic_reply}.get(
        protocol
    )


def openai_reply(seen: Seen) -> Reply:
    """Answer as OpenAI's chat completions do."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    envelope = {"id": "c1", "created": 1, "model": "served"}
    if not wants_stream(seen):
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
        return as_json({**envelope, "object": "chat.completion", "choices": [choice], "usage": usage})
    chunk = {**envelope, "object": "chat.completion.chunk"}
    deltas = [({"role": "assistant", "content": TEXT}, None), ({}, "stop")]
    chunks: list[dict[str, Any]] = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": ending}]}
        for delta, ending in deltas
    ]
    return as_events([*chunks, {**chunk, "choices": [], "usage": usage}], end=b"data: [DONE]\n\n")


def gemini_reply(seen: Seen) -> Reply:
    """Answer as Gemini's generateContent does."""
    content = {"role": "model", "parts": [{"text": TEXT}]}
    answer = {
        "candidates": [{"content": content, "index": 0, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        "modelVersion": "served",
    }
    return as_events([answer]) if "streamGenerateContent" in seen.target else as_json(answer)


def anthropic_reply(seen: Seen) -> Reply:
    """Answer as Anthropic's messages do."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "served", "usage": usage}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    text = {"type": "text", "text": TEXT}
    if not wants_stream(seen):
        return as_json({**message, **ending, "content": [text]})
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": usage},
        {"type": "message_stop"},
    ]
    return as_events(events, named=True)


def wants_stream(seen: Seen) -> bool:
    """Whether a request's JSON asks for a stream."""
    return bool(seen.body and json.loads(seen.body).get("stream"))


def as_json(value: object) -> Reply:
    """Return an answer of JSON."""
    return Reply(json.dumps(value).encode())


def as_events(values: Sequence[Mapping[str, Any]], *, named: bool = False, end: bytes = b"") -> Reply:
    """Return an answer of server-sent events; `named` by their type."""
    lines = [
        (f"event: {value['type']}\n" if named else "") + f"data: {json.dumps(value)}\n\n" for value in values
    ]
    return Reply("".join(lines).encode() + end, headers=STREAMED)
