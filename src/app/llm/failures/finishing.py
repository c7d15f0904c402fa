"""How an answer ended: the provider's word for it, and what that word means where it is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import BaseMessage

    from app.errors import FailureClass

NAMES: Final = ("finish_reason", "stop_reason")
"""Under which names chat models keep the word: in a message's metadata, or beside the message."""

FINISHES: Final[Mapping[str, FailureClass]] = {
    # ------------------------------------------------ the provider's rules about content
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",
    "image_safety": "content_filter",
    "image_prohibited_content": "content_filter",
    "image_recitation": "content_filter",
    # ------------------------------------------------ the model wrote something that can't be read
    "malformed_function_call": "malformed_response",
    "malformed_tool_use": "malformed_response",
    "malformed_model_output": "malformed_response",
    "malformed_response": "malformed_response",
    "unexpected_tool_call": "malformed_response",
    "too_many_tool_calls": "malformed_response",
    "no_image": "malformed_response",
    "image_other": "malformed_response",
    "other": "malformed_response",  # Gemini: stopped, and neither the model nor a limit says that it is done
    # ------------------------------------------------ the provider broke off
    "error": "overloaded",
    "abort": "overloaded",
    "insufficient_system_resource": "overloaded",
    # ------------------------------------------------ the request was wrong, and it was noticed too late
    "missing_thought_signature": "invalid_request",
}
"""A finish word, lower-cased -> failure class. Any other one ends an answer: `stop`, `length`, ..."""

OPAQUE: Final = frozenset({"redacted_thinking", "reasoning.encrypted"})
"""Blocks that say nothing to anybody but their provider."""

READ_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "citations", "annotations"),
    "thinking": ("thinking",),
    "reasoning": ("reasoning", "summary"),
    "input_json_delta": ("partial_json",),
    "tool_call_chunk": ("name", "args"),
}
"""A block's type -> where in it something is to be read; a block of another type is content as it is."""

BESIDE: Final = ("reasoning_content", "audio", "function_call")
"""What a message carries beside its content, and is content all the same."""


def finish_of(message: BaseMessage, *beside: Mapping[str, Any] | None) -> str | None:
    """Return the provider's word for how an answer ended, as it wrote it; None: it said none.

    `beside` is what comes with a message: `generation_info`, and the `llm_output` of a whole answer.
    """
    for holder in (message.response_metadata, *beside):
        if holder:
            for name in NAMES:
                if word := holder.get(name):
                    return str(word)
    return None


def failure_of_finish(word: str | None) -> FailureClass | None:
    """Return the failure class of an answer that ended with this word; None: it is an answer.

    What follows a colon is a comment: Google's OpenAI-compatible endpoint says `content_filter: RECITATION`.
    """
    return None if word is None else FINISHES.get(word.partition(":")[0].strip().lower())


def is_content(message: BaseMessage) -> bool:
    """Whether a chunk of a stream holds something of the answer: text, reasoning, a tool call, a picture.

    A role, a usage, an empty text and a signature are none. It takes well below a microsecond for text.
    """
    content = message.content
    if content and (isinstance(content, str) or any(map(_is_read, content))):
        return True
    if getattr(message, "tool_call_chunks", None) or getattr(message, "tool_calls", None):
        return True
    kept = message.additional_kwargs
    return bool(kept) and any(kept.get(name) for name in BESIDE)


def _is_read(block: str | Mapping[str, Any]) -> bool:
    if isinstance(block, str):
        return bool(block)
    kind = block.get("type", "text")
    places = READ_IN.get(kind)
    if places is None:
        return kind not in OPAQUE
    return any(block.get(place) for place in places)
