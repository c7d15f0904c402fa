"""Answers of Gemini that are none: a prompt that was refused, and a body without a candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.failures import ErrorInAnswer, NothingInAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from langchain_core.outputs import ChatGenerationChunk, ChatResult


def refuse_empty(result: ChatResult) -> None:
    """Raise ErrorInAnswer if Google refused the prompt, NothingInAnswer if no candidate came.

    LangChain makes an empty message of both.
    """
    _refuse_blocked(result.llm_output or {})
    if not result.generations[0].generation_info:
        raise NothingInAnswer("no candidate came")


class Heard:
    """What a stream has said so far: nothing, or something."""

    def __init__(self) -> None:
        self._something = False

    def note(self, chunk: ChatGenerationChunk) -> None:
        """Note a part of the stream. Raises ErrorInAnswer if it says that Google refused the prompt."""
        _refuse_blocked(chunk.message.response_metadata)
        self._something = self._something or bool(chunk.message.content or chunk.generation_info)

    def refuse_silence(self) -> None:
        """Raise NothingInAnswer if no part of the stream held a candidate that said or ended anything."""
        if not self._something:
            raise NothingInAnswer("no candidate came")


def _refuse_blocked(holder: Mapping[str, Any]) -> None:
    if (holder.get("prompt_feedback") or {}).get("block_reason"):
        raise ErrorInAnswer({"code": "content_filter"})
