"""ScriptedChatModel: a chat model that says what a test wrote, and remembers what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from app.testing.scripted.failing import Failing
from app.testing.scripted.replies import chunks_of, message_of, pieces_of
from app.testing.scripted.script import Call, Script
from app.testing.scripted.structured import FORMAT, structured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

ANY = ("any", "required", True)


class ScriptedChatModel(BaseChatModel):
    """A chat model for tests: it asks nobody, and gives the answers that it was made with.

        ScriptedChatModel(answers="Hello")                       # to every call
        ScriptedChatModel(answers=["Hello", {"town": "Ulm"}])    # one after the other
        ScriptedChatModel(answers=lambda call: call.prompt.upper())

    Values (a dict, a pydantic object) are said the way they are asked for: as the call of a tool, as JSON, or
    both of them in a stream. `calls` are what it was asked. Tokens are words; `stop` and `max_tokens` are
    honoured, the other parameters of LangChain's models are noted in the calls.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    answers: Any = Field(default="", exclude=True, repr=False)
    feature: str = "scripted"
    model: str = "scripted-model"
    temperature: float | None = None
    max_tokens: int | None = None
    timeout: float | None = None
    max_retries: int | None = None
    stop: list[str] | None = None
    streaming: bool = False

    _script: Script = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:  # noqa: ANN401 - pydantic's signature
        """Begin the script. A Script that is given is shared with whoever else has it."""
        super().model_post_init(context)
        given = self.answers
        self._script = given if isinstance(given, Script) else Script(self.feature, given)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "feature": self.feature}

    @property
    def calls(self) -> list[Call]:
        """What it was asked so far, in order."""
        return self._script.calls

    # ------------------------------------------------------------------ tools and schemas

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools. Raises ValueError for the choice of a tool that isn't among them."""
        offered = [convert_to_openai_tool(tool) for tool in tools]
        choice = chosen(tool_choice, [tool["function"]["name"] for tool in offered if "function" in tool])
        return self.bind(tools=offered, **({} if choice is None else {"tool_choice": choice}), **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for answers of a schema, by the methods that LangChain knows: `method="json_schema"`, ..."""
        return structured(self, schema, include_raw=include_raw, **kwargs)

    # ------------------------------------------------------------------ answering

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        return ChatResult(
            generations=[ChatGeneration(message=self._said(self._noted(messages, stop, kwargs)))]
        )

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        call = self._noted(messages, stop, kwargs, streamed=True)
        answer = self._script.answer(call)
        if isinstance(answer, Failing):
            for piece in pieces_of(answer.after):
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            raise answer.error()
        for chunk in chunks_of(self._message(answer, call)):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, **kwargs):
            yield chunk

    def _noted(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        given: dict[str, Any],
        *,
        streamed: bool = False,
    ) -> Call:
        own = {name: getattr(self, name) for name in ("model", "temperature", "max_tokens", "timeout")}
        arguments = {name: value for name, value in own.items() if value is not None} | given
        schema = (arguments.pop(FORMAT, None) or {}).get("json_schema")
        tools = tuple(arguments.pop("tools", None) or ())
        return Call(
            messages=tuple(messages),
            tools=tools,
            tool_choice=chosen(arguments.pop("tool_choice", None)) or "auto",
            schema=schema,
            stop=tuple(stop or self.stop or ()),
            streamed=streamed,
            arguments=arguments,
        )

    def _said(self, call: Call) -> AIMessage:
        return self._message(self._script.answer(call), call)

    def _message(self, answer: Any, call: Call) -> AIMessage:  # noqa: ANN401 - any answer
        if isinstance(answer, Failing):
            raise answer.error()
        if isinstance(answer, BaseException):
            raise answer
        return message_of(answer, call, call.arguments["model"], call.arguments.get("max_tokens"))


def chosen(choice: Any, names: Sequence[str] | None = None) -> str | None:  # noqa: ANN401 - LangChain's many forms
    """Return a choice of tools as "auto", "none", "any" or a tool's name. Raises ValueError for another."""
    if isinstance(choice, dict):
        choice = (choice.get("function") or choice).get("name")
    if choice in ANY:
        return "any"
    if names is not None and choice not in {None, False, "auto", "none", *names}:
        raise ValueError(f"tool_choice is {choice!r}, and the tools are: {', '.join(names)}")
    return choice or None
