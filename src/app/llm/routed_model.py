"""RoutedChatModel: the chat model that a feature is handed. It runs a plan."""

from __future__ import annotations

from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import ConfigDict, PrivateAttr

from app.errors import ModelDetached
from app.llm.running.hedging_calls import HedgedCall
from app.llm.running.streams import achunks_of, chunks_of
from app.llm.structured import structured_chain
from app.llm.wishes import BoundTools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from langchain_core.callbacks import (
        AsyncCallbackManagerForLLMRun,
        BaseCallbackHandler,
        CallbackManagerForLLMRun,
    )
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.base import LangSmithParams
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

    from app.llm.byok.scope import RequestScope
    from app.llm.line import Line
    from app.llm.planning import Plan
    from app.llm.running.call import Call


class RoutedChatModel(BaseChatModel):
    """A chat model that runs a plan: LangChain sees one model, the plan decides who serves and who pays.

    It holds no secret of its own and no connection. It captures the scope of the request that it was handed
    out for, so it works in threads and background tasks; inside another user's request it refuses
    (ForeignScope). Serialised or pickled, it travels as a description: what is loaded is detached.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    feature: str
    qos_profile: str
    provider: str
    model: str
    payer: str
    streaming: bool = False
    cache_key: str | None = None
    cache: Any = False
    """LangChain's process-wide response cache stays unused: it serves one user's answer to another (R7)."""

    _line: Line | None = PrivateAttr(default=None)

    @classmethod
    def over(cls, line: Line, callbacks: Sequence[BaseCallbackHandler]) -> RoutedChatModel:
        """Return the model that runs a line's plan, with what any LangChain tracer shows of it."""
        about = line.about()
        fields: dict[str, Any] = {**about, "qos_profile": about["profile"]}
        del fields["profile"]  # LangChain's own field of this name describes what a model can do
        tags = [f"{name}:{value}" for name, value in about.items()]
        model = cls(**fields, metadata=about, tags=tags, callbacks=list(callbacks) or None)
        model._line = line
        model.model_fields_set.clear()  # it would be copied for each user, and says nothing of a plan
        model._serialized  # noqa: B018 - computed once here, and copied: LangChain asks for it at every call
        return model

    def handed_out(
        self, *, streaming: bool, cache_key: str | None, scope: RequestScope | None
    ) -> RoutedChatModel:
        """Return a copy of its own for one request. Nothing of it is shared that a caller could change."""
        copy = self.__copy__()
        fields = copy.__dict__
        fields["tags"], fields["metadata"] = list(fields["tags"]), dict(fields["metadata"])
        if fields["callbacks"]:
            fields["callbacks"] = list(fields["callbacks"])
        if streaming or cache_key is not None:
            fields["cache_key"], fields["streaming"] = cache_key, streaming
            del fields["_serialized"]
        if streaming:
            copy.model_fields_set.add("streaming")  # LangChain asks whether it was set, and streams
        copy._line = self._attached().for_scope(scope)  # noqa: SLF001 - its own
        return copy

    # ------------------------------------------------------------------ what LangChain asks about a model

    @property
    def _llm_type(self) -> str:
        return "pointsman"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("feature", "qos_profile", "provider", "model", "payer", "streaming", "cache_key")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: a routed model travels as its description."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Return the module's path, which LangChain's `load` imports."""
        return ["app", "llm", "routed_model"]

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Everything that describes this model."""
        return self._identifying_params

    @property
    def plan(self) -> Plan:
        """The plan that this model runs."""
        return self._attached().plan

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = self.provider
        options = dict(self._line.plan.first.spec.options) if self._line else {}
        for name in ("temperature", "max_tokens"):
            if name in options:
                params.setdefault(f"ls_{name}", options[name])  # type: ignore[misc]
        return params

    def __getstate__(self) -> dict[Any, Any]:
        return super().__getstate__() | {"__pydantic_private__": {"_line": None}}

    def __repr__(self) -> str:
        return f"RoutedChatModel({self.feature!r} -> {self.model}:{self.provider}, paid by the {self.payer})"

    # ------------------------------------------------------------------ wishes, kept until a hop renders them

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | list[str] | str | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; each hop renders them in its own provider's way."""
        options = kwargs if tool_choice is None else {**kwargs, "tool_choice": tool_choice}
        return self.bind(tools=BoundTools(tools, options))

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for answers of a schema; each hop renders the wish, and parses the answer, in its own way."""
        return structured_chain(self, self._attached(), schema, include_raw=include_raw, options=kwargs)

    # ------------------------------------------------------------------ running the plan

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        line = self._attached()
        call, rest = line.begin(kwargs, stop)
        if call.hedge is not None and (lane := call.hedge.lane()) is not None:
            return lane.answer(self._hedged(call, rest, messages, stop).answer)
        while call.goes_on():
            with call.attempt() as attempt, line.opened(attempt, rest, self.cache_key) as (inner, arguments):
                result = inner._generate(call.messages(messages), stop, run_manager, **arguments)  # noqa: SLF001 - no second run
                return attempt.answered(result)
        return call.leftover()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        line = self._attached()
        call, rest = line.begin(kwargs, stop)
        if call.hedge is not None and call.hedge.beside() is not None:
            return await self._hedged(call, rest, messages, stop).answer()
        while await call.agoes_on():
            with call.attempt() as attempt, line.opened(attempt, rest, self.cache_key) as (inner, arguments):
                result = await inner._agenerate(call.messages(messages), stop, run_manager, **arguments)  # noqa: SLF001 - no second run
                return attempt.answered(result)
        return call.leftover()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del run_manager  # who streams reports each token itself
        line = self._attached()
        call, rest = line.begin(kwargs, stop, streaming=True)
        if call.hedge is not None and (lane := call.hedge.lane()) is not None:
            yield from lane.each(self._hedged(call, rest, messages, stop).chunks())
            return
        while call.goes_on():
            with (
                call.attempt() as attempt,
                line.opened(attempt, rest, self.cache_key) as (inner, arguments),
                closing(chunks_of(inner, call.messages(messages), stop, arguments)) as stream,
            ):
                hearing = attempt.hearing()
                for chunk in stream:
                    yield from hearing.heard(chunk)
                    hearing.listens_on()
                yield from attempt.ended()
                return

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        del run_manager  # who streams reports each token itself
        line = self._attached()
        call, rest = line.begin(kwargs, stop, streaming=True)
        if call.hedge is not None and call.hedge.beside() is not None:
            async with aclosing(self._hedged(call, rest, messages, stop).chunks()) as chunks:
                async for known in chunks:
                    yield known
            return
        while await call.agoes_on():
            with call.attempt() as attempt, line.opened(attempt, rest, self.cache_key) as (inner, arguments):
                hearing = attempt.hearing()
                async with aclosing(achunks_of(inner, call.messages(messages), stop, arguments)) as stream:
                    async for chunk in stream:
                        for known in hearing.heard(chunk):
                            yield known
                        hearing.listens_on()
                for known in attempt.ended():
                    yield known
                return

    def _hedged(
        self, call: Call, rest: dict[str, Any], messages: list[BaseMessage], stop: list[str] | None
    ) -> HedgedCall:
        opened = partial(self._attached().opened, arguments=rest, cache_key=self.cache_key)
        return HedgedCall(call, opened, messages, stop)

    def _attached(self) -> Line:
        if self._line is None:
            raise ModelDetached(self.feature)
        return self._line
