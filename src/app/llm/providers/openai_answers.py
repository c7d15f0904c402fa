"""Answers in OpenAI's protocol that hold an error: brokers send their HTTP 200 before a model fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.llm.failures import ErrorInAnswer


def refuse_error_in(answer: object) -> None:
    """Raise ErrorInAnswer if a completion, or a chunk of one, holds an error or ends with one."""
    choices = _part(answer, "choices")
    ended = [one for one in choices if _part(one, "finish_reason") == "error"] if choices else []
    error = _part(answer, "error") or next((_part(one, "error") for one in ended), None)
    if error or ended:
        raise ErrorInAnswer(error or {"type": "server_error"})


def _part(holder: object, name: str) -> Any:  # noqa: ANN401 - whatever a provider wrote there
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
