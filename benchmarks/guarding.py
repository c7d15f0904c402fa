"""What a plan's machinery adds to a call: budget, circuits, record, stamp, and listening to a stream."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict

from app.containers import Container, running
from app.settings import Settings
from benchmarks.measuring import Row, cpu_each, in_turn
from benchmarks.providers import KEY, feature_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage

    from app.llm.clients.spec import ClientSpec
    from app.llm.service import LLMService

QUESTION = "Into which folder does this conversation belong?"
CHUNKS = 1000
CALLS = 1000
ROUNDS = 9
SYNC_AIM_US, ASYNC_AIM_US, CHUNK_AIM_US = 60, 80, 5
STOP = {"finish_reason": "stop"}


class Ready(BaseChatModel):
    """A model in this process that has its answer ready: what a call costs over it isn't a provider's."""

    @property
    def _llm_type(self) -> str:
        return "ready"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del messages, stop, run_manager, kwargs
        return ChatResult(generations=[ChatGeneration(message=AIMessage("f1", response_metadata=dict(STOP)))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        return self._generate(messages, stop, None, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del messages, stop, run_manager, kwargs
        for _ in range(CHUNKS - 1):
            yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
        yield ChatGenerationChunk(message=AIMessageChunk(content=""), generation_info=dict(STOP))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        del run_manager
        for chunk in self._stream(messages, stop, None, **kwargs):
            yield chunk


class ReadyClients:
    """A client cache all of whose clients are ready."""

    def __init__(self) -> None:
        self._client = Ready()

    def get(self, spec: ClientSpec) -> BaseChatModel:
        """Return the one client."""
        del spec
        return self._client

    def close(self) -> None:
        """Nothing is open."""


class Unguarded(BaseChatModel):
    """The same call without a plan: the client and its arguments, under a ticket for the credential."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    container: Any
    hop: Any
    cache: Any = False

    @property
    def _llm_type(self) -> str:
        return "unguarded"

    def _opened(self) -> tuple[Any, BaseChatModel, Any]:
        registry = self.container.provider_registry()
        grant = registry.grant(self.hop.spec, self.hop.credential, None)
        client = self.container.client_cache().get(self.hop.spec)
        return self.container.transport().ticket(grant), client, registry.adapter(self.hop.spec.protocol)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ticket, client, adapter = self._opened()
        with ticket as text:
            return client._generate(messages, stop, run_manager, **adapter.request_arguments(text), **kwargs)  # noqa: SLF001 - as a routed model does

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        ticket, client, adapter = self._opened()
        with ticket as text:
            arguments = adapter.request_arguments(text)
            return await client._agenerate(messages, stop, run_manager, **arguments, **kwargs)  # noqa: SLF001 - as above

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        ticket, client, adapter = self._opened()
        with ticket as text:
            arguments = adapter.request_arguments(text)
            yield from client._stream(messages, stop, run_manager, **arguments, **kwargs)  # noqa: SLF001 - as above

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        ticket, client, adapter = self._opened()
        with ticket as text:
            arguments = adapter.request_arguments(text)
            async for chunk in client._astream(messages, stop, run_manager, **arguments, **kwargs):  # noqa: SLF001 - as above
                yield chunk


def rows() -> Iterator[Row]:
    """Measure guarded one-hop calls and streams, and the same without a plan: rows are the differences."""
    settings = Settings.model_validate({"variables": {"OPENAI_API_KEY": KEY}})
    with running(Container(settings=settings, client_cache=ReadyClients())) as container:
        service: LLMService = container.llm_service()
        feature, _ = feature_at(service, "openai")
        guarded = service.get_llm(feature)
        bare = Unguarded(container=container, hop=service.plan(feature).first)
        with asyncio.Runner() as loop:
            yield added("sync call", partial(sync_cost, guarded), partial(sync_cost, bare), SYNC_AIM_US)
            costs = partial(async_cost, loop, guarded), partial(async_cost, loop, bare)
            yield added("async call", *costs, ASYNC_AIM_US)
            yield added("chunk", partial(stream_cost, guarded), partial(stream_cost, bare), CHUNK_AIM_US)
            costs = partial(astream_cost, loop, guarded), partial(astream_cost, loop, bare)
            yield added("async chunk", *costs, CHUNK_AIM_US)


def added(what: str, guarded: Any, bare: Any, aim: float) -> Row:  # noqa: ANN401 - contenders
    """Return what the plan adds, in microseconds, beside what it is added to."""
    cost = in_turn({"guarded": guarded, "bare": bare}, ROUNDS)
    difference = cost["guarded"] - cost["bare"]
    title = f"a plan adds to a {what}"
    return Row(title, difference, cost["bare"], "us", "without a plan", aim, aim_is_for_ratio=False)


def sync_cost(model: BaseChatModel) -> float:
    """Return the CPU time of one call, in microseconds."""
    return cpu_each(lambda: model.invoke(QUESTION), CALLS)


def async_cost(loop: asyncio.Runner, model: BaseChatModel) -> float:
    """Return the CPU time of one awaited call, in microseconds."""

    async def calls() -> None:
        for _ in range(CALLS):
            await model.ainvoke(QUESTION)

    return cpu_each(lambda: loop.run(calls()), 1) / CALLS


def stream_cost(model: BaseChatModel) -> float:
    """Return the CPU time of one chunk, in microseconds."""

    def listen() -> None:
        for _ in model._stream([]):  # noqa: SLF001 - LangChain's own part is no plan's
            pass

    return cpu_each(listen, 5) / CHUNKS


def astream_cost(loop: asyncio.Runner, model: BaseChatModel) -> float:
    """Return the CPU time of one awaited chunk, in microseconds."""

    async def listen() -> None:
        async for _ in model._astream([]):  # noqa: SLF001 - as above
            pass

    return cpu_each(lambda: loop.run(listen()), 5) / CHUNKS
