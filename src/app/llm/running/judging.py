"""Whether what came is an answer, and the one that was asked for; how a model is told what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, HumanMessage
from pydantic import ValidationError

from app.llm.failures import RefusedAnswer
from app.llm.failures.finishing import failure_of_finish

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

LONGEST_QUOTED: Final = 4000
"""Characters of an answer that its model is shown again."""
MOST_PROBLEMS: Final = 10
UNREADABLE_CALL: Final = "the arguments of a tool call are not valid JSON"
UNTRACED: Final[Any] = {"callbacks": []}
"""The caller's own parsing of the answer is traced; this one is ours."""


def check_finish(word: str | None) -> None:
    """Raise RefusedAnswer if an answer's finish reason says that it is none."""
    failure_class = failure_of_finish(word)
    if word is not None and failure_class is not None:
        raise RefusedAnswer(failure_class, word)


def problem_with(message: BaseMessage, parser: Runnable[Any, Any] | None) -> str | None:
    """Return what keeps an answer from being what was asked for, None if nothing does.

    Without a `parser` only the arguments of its tool calls are looked at: they have to be readable.
    """
    if isinstance(message, AIMessage) and message.invalid_tool_calls:
        return UNREADABLE_CALL
    if parser is None:
        return None
    try:
        parsed = parser.invoke(message, UNTRACED)
    except Exception as error:  # noqa: BLE001 - a schema's own validators raise what they like
        return _said(error)
    return "there is no answer of the wanted form in it" if parsed is None else None


def repair_of(answer: BaseMessage, problem: str) -> list[BaseMessage]:
    """Return the messages that follow on an answer which didn't fit: the answer, and what is wrong with it.

    They go back to the hop that gave it, and to nobody else.
    """
    quoted = _quoted(answer)
    told = f"This answer can't be used: {problem}. Answer again, in the form that was asked for."
    return [AIMessage(quoted), HumanMessage(told)] if quoted else [HumanMessage(told)]


def _quoted(answer: BaseMessage) -> str:
    calls = answer.tool_calls if isinstance(answer, AIMessage) else []
    text = json.dumps(calls[0]["args"]) if calls else answer.text
    return text.strip()[:LONGEST_QUOTED]


def _said(error: Exception) -> str:
    """Return what a parser found wrong, in pydantic's own words, without what it quotes."""
    found = error if isinstance(error, ValidationError) else error.__cause__ or error.__context__
    if not isinstance(found, ValidationError):
        return "it can't be read as an answer of the wanted form"
    problems = found.errors(include_input=False, include_url=False, include_context=False)
    said = [
        f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in problems[:MOST_PROBLEMS]
    ]
    return "; ".join(said)
