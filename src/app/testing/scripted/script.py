"""A script: the answers that a model gives, one after the other, and the calls that it got."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel

from app.errors import ScriptExhausted
from app.testing.scripted.failing import Failing, failure_of

Answer: TypeAlias = (
    str | Mapping[str, Any] | BaseModel | AIMessage | Failing | BaseException | type[BaseException]
)
"""What a model says to one call: a text; the values of a schema or of a tool's arguments; a whole message; or
how it fails: `Failing("rate_limited")`, the class of one of our errors (`RateLimited`), or any exception."""
Answers: TypeAlias = Answer | Sequence[Answer] | Callable[["Call"], Answer]
"""One answer to every call; a list of them, each given once; or what makes an answer of a call."""


@dataclass(frozen=True)
class Call:
    """What a scripted model was asked. `tools` and `schema` are in OpenAI's form, `arguments` is the rest."""

    messages: tuple[BaseMessage, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str = "auto"
    schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    streamed: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The text of the last message."""
        return self.messages[-1].text if self.messages else ""

    @property
    def forced_tool(self) -> str | None:
        """The name of the tool that has to be called, if one has to."""
        names = [str(tool["function"]["name"]) for tool in self.tools if "function" in tool]
        if self.tool_choice == "any":
            return names[0] if names else None
        return self.tool_choice if self.tool_choice in names else None


class Script:
    """The answers of one model and the calls that it got, for threads and event loops alike."""

    def __init__(self, feature: str, answers: Answers) -> None:
        self.feature = feature
        self.calls: list[Call] = []
        """Every call so far, in order."""
        self._answers = answers
        self._lock = threading.Lock()
        self._given = 0

    def __repr__(self) -> str:
        return f"Script({self.feature!r}, calls={len(self.calls)})"

    @property
    def left(self) -> int | None:
        """How many answers nobody has asked for yet (None: there is always another)."""
        answers = self._answers
        return len(answers) - self._given if isinstance(answers, list | tuple) else None

    def answer(self, call: Call) -> Answer:
        """Note a call and return its answer: our own errors' classes as the failures that end in them.

        :raises ScriptExhausted: there is none left.
        """
        with self._lock:
            self.calls.append(call)
            answer = self._next(call)
        if isinstance(answer, type):
            return failure_of(answer) or answer()
        return answer

    def _next(self, call: Call) -> Answer:
        answers: Any = self._answers
        if isinstance(answers, list | tuple):
            if self._given == len(answers):
                raise ScriptExhausted(self.feature, len(answers))
            self._given += 1
            last: Answer = answers[self._given - 1]
            return last
        made = callable(answers) and not isinstance(answers, type | BaseModel)
        standing: Answer = answers(call) if made else answers
        return standing
