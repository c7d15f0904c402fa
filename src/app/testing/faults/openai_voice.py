"""OpenAI's chat completions, and whoever speaks as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.testing.faults.speech import READ, WRITTEN, Event, event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from app.testing.faults.asked import Asked
    from app.testing.faults.speech import Saying


class OpenAIVoice:
    """Chat completions."""

    FINISHES: Mapping[str, str] = {
        "done": "stop",
        "called": "tool_calls",
        "filtered": "content_filter",
        "malformed": "tool_calls",
    }

    def whole(self, asked: Asked, saying: Saying) -> dict[str, Any]:
        """Return a chat completion."""
        text = "".join(saying.pieces)
        message: dict[str, Any] = {"role": "assistant", "content": None if saying.tool else text}
        if saying.tool:
            message["tool_calls"] = [_openai_call(saying.tool, text)]
        choice = {"index": 0, "message": message, "finish_reason": self._finish(saying)}
        return self._envelope(asked, "chat.completion", [choice]) | {"usage": _openai_usage()}

    def events(self, asked: Asked, saying: Saying) -> Iterator[Event]:
        """Yield the chunks of a chat completion."""

        def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
            return event(self._envelope(asked, "chat.completion.chunk", choices) | more)

        def delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
            return chunk({"index": 0, "delta": delta, "finish_reason": finish})

        yield Event(delta({"role": "assistant", "content": None if saying.tool else ""}), "opening")
        for number, piece in enumerate(saying.pieces):
            said: dict[str, Any] = {"content": piece}
            if saying.tool:
                begun = _openai_call(saying.tool, piece) | {"index": 0}
                said = {"tool_calls": [{"index": 0, "function": {"arguments": piece}} if number else begun]}
            yield Event(delta(said), "content")
        if saying.finish is not None:
            yield Event(delta({}, self._finish(saying)), "finish")
        if asked.usage:
            yield Event(chunk(usage=_openai_usage()), "rest")
        yield Event(b"data: [DONE]\n\n", "rest")

    def _finish(self, saying: Saying) -> str | None:
        return self.FINISHES[saying.finish] if saying.finish else None

    def _envelope(self, asked: Asked, kind: str, choices: Sequence[object]) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": asked.model, "choices": [*choices]}


def _openai_usage() -> dict[str, int]:
    return {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN}


def _openai_call(tool: str, arguments: str) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": arguments}}
