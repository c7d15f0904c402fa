"""Answers in OpenAI's protocol that are none: they hold an error, or values that can't be joined.

Brokers send their HTTP 200 before a model fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.llm.failures import ErrorInAnswer, NothingInAnswer

TEXTS: Final = ("model", "system_fingerprint", "service_tier")
"""What LangChain keeps of a stream's chunks beside their message."""


def refuse_error_in(answer: object) -> None:
    """Raise ErrorInAnswer if a completion, or a chunk of one, holds an error or ends with one."""
    choices = _part(answer, "choices")
    ended = [one for one in choices if _part(one, "finish_reason") == "error"] if choices else []
    error = _part(answer, "error") or next((_part(one, "error") for one in ended), None)
    if error or ended:
        raise ErrorInAnswer(error or {"type": "server_error"})


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


def _part(holder: object, name: str) -> Any:  # noqa: ANN401 - whatever a provider wrote there
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
