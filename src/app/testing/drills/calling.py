"""Calling a feature as it is used, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from app.errors import PointsmanError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.outputs import LLMResult

    from app.llm.routed_model import RoutedChatModel
    from app.testing.drills.groups import Way

QUESTION: Final = "Which way does this train go?"


class Verdict(BaseModel):
    """Where a train goes."""

    track: str = Field(description="The name of its track")
    certain: bool = Field(description="Whether that is certain")
    because: list[str] = Field(description="What speaks for it")


class SetPoints(BaseModel):
    """Set the points for a track: a tool."""

    track: str = Field(description="The name of the track")
    slowly: bool = Field(description="Whether there is time")


class Listener(BaseCallbackHandler):
    """Keeps the message that a call ended with."""

    run_inline = True

    def __init__(self) -> None:
        self.message: AIMessage | None = None

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Keep the message of the first generation."""
        del kwargs
        message = getattr(response.generations[0][0], "message", None)
        self.message = message if isinstance(message, AIMessage) else None


@dataclass(slots=True)
class Result:
    """What a call came to: an answer, or an error. `text` is what a stream's listener has heard.

    `decision` is the record that the answer or the error carries.
    """

    error: Exception | None = None
    message: AIMessage | None = None
    parsed: object = None
    text: str = ""
    decision: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The outcome in one word."""
        return "answered" if self.error is None else type(self.error).__name__


def call(model: RoutedChatModel, way: Way) -> Result:
    """Call a model as its feature would, and return what came of it, whatever is raised.

    How long a connection may take to open isn't drilled: on a busy machine, a fast clock leaves it no time.
    """
    listener, result = Listener(), Result()
    try:
        _ask(model, way, listener, result)
    except Exception as error:  # noqa: BLE001 - whatever reaches a caller is the result
        result.error = error
        result.decision = getattr(error, "decision", {}) if isinstance(error, PointsmanError) else {}
        return result
    result.message = listener.message
    if listener.message is not None:
        result.decision = listener.message.response_metadata.get("pointsman", {})
    return result


def _ask(model: RoutedChatModel, way: Way, listener: Listener, result: Result) -> None:
    config: Any = {"callbacks": [listener]}
    limits = {"connect_s": model.plan.deadline_s}
    if way.asking == "schema":
        result.parsed = model.with_structured_output(Verdict).invoke(QUESTION, config, **limits)
        return
    asked: Any = model if way.asking == "text" else model.bind_tools([SetPoints], tool_choice="any")
    if way.stream:
        for chunk in asked.stream(QUESTION, config, **limits):
            result.text += chunk.text
    else:
        result.text = asked.invoke(QUESTION, config, **limits).text
