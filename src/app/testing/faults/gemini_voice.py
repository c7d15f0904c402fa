"""Gemini's generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.testing.faults.speech import READ, WRITTEN, Event, event, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.testing.faults.asked import Asked
    from app.testing.faults.speech import Finish, Saying


class GeminiVoice:
    """generateContent. A call that can't be read is none at all: only the reason of its end says so."""

    FINISHES: Mapping[str, str] = {
        "done": "STOP",
        "called": "STOP",
        "filtered": "SAFETY",
        "malformed": "MALFORMED_FUNCTION_CALL",
    }

    def whole(self, asked: Asked, saying: Saying) -> dict[str, Any]:
        """Return a response."""
        return self._response(asked, ["".join(saying.pieces)], saying, saying.finish)

    def events(self, asked: Asked, saying: Saying) -> Iterator[Event]:
        """Yield the parts of a response. The call of a tool comes in one piece."""
        pieces = ("".join(saying.pieces),) if saying.tool else saying.pieces
        if saying.finish != "malformed":
            for piece in pieces:
                yield Event(event(self._response(asked, [piece], saying, None)), "content")
        if saying.finish is not None:
            yield Event(event(self._response(asked, [""], saying, saying.finish)), "finish")

    def _response(
        self, asked: Asked, texts: list[str], saying: Saying, finish: Finish | None
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model"}}
        if finish != "malformed":
            candidate["content"]["parts"] = [_gemini_part(saying, text) for text in texts if text or finish]
        if finish is not None:
            candidate["finishReason"] = self.FINISHES[finish]
        usage = {"promptTokenCount": READ, "candidatesTokenCount": WRITTEN}
        usage["totalTokenCount"] = READ + WRITTEN
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model}


def _gemini_part(saying: Saying, text: str) -> dict[str, Any]:
    return (
        {"functionCall": {"name": saying.tool, "args": read(text)}}
        if saying.tool and text
        else {"text": text}
    )
