"""Anthropic's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.testing.faults.speech import READ, WRITTEN, Event, event, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.testing.faults.asked import Asked
    from app.testing.faults.speech import Holds, Saying


class AnthropicVoice:
    """Messages."""

    FINISHES: Mapping[str, str] = {
        "done": "end_turn",
        "called": "tool_use",
        "filtered": "refusal",
        "malformed": "tool_use",
    }

    def whole(self, asked: Asked, saying: Saying) -> dict[str, Any]:
        """Return a message."""
        text = "".join(saying.pieces)
        block: dict[str, Any] = {"type": "text", "text": text}
        if saying.tool:
            block = _anthropic_call(saying.tool) | {"input": read(text)}
        return self._message(asked, [block]) | {"stop_reason": self._finish(saying)}

    def events(self, asked: Asked, saying: Saying) -> Iterator[Event]:
        """Yield the events of a message."""
        begun = {"type": "message_start", "message": self._message(asked, []) | {"stop_reason": None}}
        yield self._event(begun, "opening")
        block = _anthropic_call(saying.tool) if saying.tool else {"type": "text", "text": ""}
        yield self._event({"type": "ping"}, "opening")
        block_start = {"type": "content_block_start", "index": 0, "content_block": block}
        yield self._event(block_start, "content" if saying.tool else "opening")
        for piece in saying.pieces:
            delta = {"type": "text_delta", "text": piece}
            if saying.tool:
                delta = {"type": "input_json_delta", "partial_json": piece}
            yield self._event({"type": "content_block_delta", "index": 0, "delta": delta}, "content")
        if saying.finish is None:
            return
        yield self._event({"type": "content_block_stop", "index": 0}, "rest")
        ending = {"stop_reason": self._finish(saying), "stop_sequence": None}
        usage = {"output_tokens": WRITTEN}
        yield self._event({"type": "message_delta", "delta": ending, "usage": usage}, "finish")
        yield self._event({"type": "message_stop"}, "rest")

    def _finish(self, saying: Saying) -> str | None:
        return self.FINISHES[saying.finish] if saying.finish else None

    def _message(self, asked: Asked, content: list[dict[str, Any]]) -> dict[str, Any]:
        usage = {"input_tokens": READ, "output_tokens": WRITTEN}
        about = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model}
        return {**about, "content": content, "stop_sequence": None, "usage": usage}

    def _event(self, value: dict[str, Any], holds: Holds) -> Event:
        return Event(event(value, value["type"]), holds)


def _anthropic_call(tool: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}}
