"""Listening to a stream: nothing is handed on before its first content, and it has to end with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.outputs.chat_generation import merge_chat_generation_chunks

from app.llm.failures import StreamUnfinished
from app.llm.failures.finishing import finish_of, is_content
from app.llm.running.judging import check_finish
from app.llm.running.streams import WholeAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk

    from app.llm.clients.patience import Patience

WHOLE = "whole"
"""What stands for the finish reason of an answer that was no stream."""


class Hearing:
    """What was heard of one attempt's stream. Until its first content the chunks are held back (R13).

    `first` and `last` return what the first chunk that is handed on and the one with the finish reason carry
    in `response_metadata["pointsman"]`; content renews the `patience`. `joins`: the chunks are kept, as the
    whole answer is looked at.
    """

    __slots__ = (
        "_calls",
        "_first",
        "_held",
        "_kept",
        "_last",
        "_patience",
        "_renews",
        "_stamped",
        "_texts",
        "begun",
        "finish",
    )

    def __init__(
        self,
        first: Callable[[], dict[str, Any]],
        last: Callable[[], dict[str, Any]],
        patience: Patience | None,
        *,
        joins: bool,
    ) -> None:
        self._first, self._last = first, last
        self._held: list[ChatGenerationChunk] = []
        self._texts: list[str] = []
        self._calls: dict[object, list[str]] = {}
        self._kept: list[ChatGenerationChunk] | None = [] if joins else None
        self._patience = patience
        self._stamped = self._renews = False
        self.begun = False
        """Whether content was handed on: it can't be unsaid."""
        self.finish: str | None = None
        """The provider's finish reason, once it came, and as long as no content follows."""

    @property
    def partial(self) -> str | None:
        """The text that was handed on; None if nothing was."""
        return "".join(self._texts) if self.begun else None

    def heard(self, chunk: ChatGenerationChunk) -> Sequence[ChatGenerationChunk]:
        """Return the chunks that can be handed on now.

        :raises NotAnAnswer: the chunk's finish reason says that this is no answer.
        """
        if self._kept is not None:
            self._kept.append(chunk)
        if chunk.generation_info or chunk.message.response_metadata or type(chunk) is WholeAnswer:
            self._note_finish(chunk)
        elif self.finish is not None and is_content(chunk.message):
            self.finish = None  # it goes on: what ended there wasn't the answer
        if self.begun:
            self._said(chunk)
            return (chunk,)
        self._held.append(chunk)
        return self._released() if is_content(chunk.message) else ()

    def listens_on(self) -> None:
        """Wait anew, if the last chunk had content: who was handed it may have taken their time over it."""
        if self._renews and self._patience is not None:
            self._patience.heard()

    def ended(self) -> Sequence[ChatGenerationChunk]:
        """Return what is still held back at the end: an answer may have no content.

        :raises StreamUnfinished: it ended without a finish reason.
        """
        if self.finish is None:
            raise StreamUnfinished("the stream ended without a finish reason")
        return () if self.begun else self._released()

    @property
    def whole(self) -> BaseMessage | None:
        """The answer that the kept chunks make; None: they weren't kept."""
        merged = merge_chat_generation_chunks(list(self._kept)) if self._kept else None
        return merged.message if merged is not None else None

    @property
    def unreadable_call(self) -> bool:
        """Whether the arguments of a tool call are no JSON, now that all of them are there."""
        return not all(map(_is_json, map("".join, self._calls.values())))

    def _note_finish(self, chunk: ChatGenerationChunk) -> None:
        finish = finish_of(chunk.message, chunk.generation_info)
        if finish is None and type(chunk) is WholeAnswer:
            finish = WHOLE
        if finish is not None:
            check_finish(finish)
            if not self._stamped:
                self._stamped = True
                chunk.message.response_metadata["pointsman"] = self._last()
            self.finish = finish
        elif is_content(chunk.message):
            self.finish = None  # as above

    def _released(self) -> Sequence[ChatGenerationChunk]:
        held, self._held, self.begun = self._held, [], True
        metadata = held[0].message.response_metadata
        metadata["pointsman"] = {**self._first(), **metadata.get("pointsman", {})}
        for chunk in held:
            self._said(chunk)
        return held

    def _said(self, chunk: ChatGenerationChunk) -> None:
        self._renews = is_content(chunk.message)
        self.listens_on()
        self._texts.append(chunk.text)
        for call in getattr(chunk.message, "tool_call_chunks", ()):
            index = call.get("index")
            # Calls are joined by their index; one that has none came whole.
            whose = object() if index is None else index
            self._calls.setdefault(whose, []).append(call.get("args") or "")


def _is_json(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except ValueError:
        return False
    return True
