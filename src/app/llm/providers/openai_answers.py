"""Answers in OpenAI's protocol as LangChain doesn't read them: those that are none, and reasoning.

Brokers send their HTTP 200 before a model fails. Reasoning is no part of OpenAI's own protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.llm.failures import ErrorInAnswer, NothingInAnswer

TEXTS: Final = ("model", "system_fingerprint", "service_tier")
"""What LangChain keeps of a stream's chunks beside their message."""
REASONING: Final = ("reasoning_content", "reasoning")
"""How providers call a model's reasoning: DeepSeek and its kin; OpenRouter, Groq and newer vLLM."""


def refuse_error_in(answer: object) -> None:
    """Raise ErrorInAnswer if a completion, or a chunk of one, holds or ends with an error, or refuses."""
    choices = _part(answer, "choices")
    ended = [one for one in choices if _part(one, "finish_reason") == "error"] if choices else []
    error = _part(answer, "error") or next((_part(one, "error") for one in ended), None)
    if error or ended:
        raise ErrorInAnswer(error or {"type": "server_error"})
    if choices and any(_part(said_in(one), "refusal") for one in choices):
        raise ErrorInAnswer({"code": "content_filter"})


def refuse_unjoinable(chunk: Mapping[str, Any]) -> None:
    """Raise NothingInAnswer if a stream's chunk holds what LangChain can't join with its neighbours'.

    It joins chunks once they were handed on, where no failure is classified.
    """
    choices = chunk.get("choices") or ()
    texts = [*map(chunk.get, TEXTS), *(_part(one, "finish_reason") for one in choices)]
    tables = [_part(one, "logprobs") for one in choices]
    if not (
        all(value is None or isinstance(value, str) for value in texts)
        and all(value is None or isinstance(value, dict) for value in tables)
    ):
        raise NothingInAnswer("a chunk holds something else where a text or a table should be")


def readable(chunk: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's chunk whose first choice says something, also if all that it says is how it ended.

    LangChain passes over a choice without a delta, and over its finish reason with it.
    """
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict) or first.get("delta") is not None or not first.get("finish_reason"):
        return chunk
    return {**chunk, "choices": [{**first, "delta": {}}]}


def said_in(choice: object) -> object:
    """Return what a choice says: its message, or its delta in a stream."""
    return _part(choice, "message") or _part(choice, "delta")


def reasoning_in(said: object) -> str | None:
    """Return the reasoning in a message or a delta, or None."""
    found = (_part(said, name) for name in REASONING)
    return next((text for text in found if text and isinstance(text, str)), None)


def _part(holder: object, name: str) -> Any:  # noqa: ANN401 - whatever a provider wrote there
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
