"""A call that may be hedged, in an event loop: its first attempt may get company, the later ones don't."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from app.llm.running.hedging_race import Race
from app.llm.running.streams import achunks_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
    from contextlib import AbstractContextManager

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from app.llm.running.attempt import Attempt
    from app.llm.running.call import Call
    from app.llm.running.hearing import Hearing

    Opened = Callable[[Attempt], AbstractContextManager[tuple[BaseChatModel, dict[str, Any]]]]
    """Opens an attempt's way to its hop: the hop's own model, and the arguments in its way."""

T = TypeVar("T")


class Begun(NamedTuple):
    """A stream that has come to its first content: the chunks until then, and where the others come from."""

    attempt: Attempt
    hearing: Hearing
    known: Sequence[ChatGenerationChunk]
    rest: AsyncGenerator[ChatGenerationChunk]


class HedgedCall:
    """One call that may be hedged. It is run once, as an answer or as chunks, by the loop that awaits it.

    What an SDK reports of a run is nobody's: two attempts would report to the same one.
    """

    def __init__(
        self, call: Call, opened: Opened, messages: list[BaseMessage], stop: list[str] | None
    ) -> None:
        self._call, self._opened = call, opened
        self._messages, self._stop = messages, stop

    async def answer(self) -> ChatResult:
        """Return the answer, or what is left of a call that keeps a raw one.

        :raises PointsmanError: the call has failed for good.
        """
        while await self._call.agoes_on():
            result = await self._attempted(self._asked)
            if result is not None:
                return result
        return self._call.leftover()

    async def chunks(self) -> AsyncGenerator[ChatGenerationChunk]:
        """Yield the chunks of the stream that came to its first content first.

        :raises PointsmanError: the call has failed for good.
        """
        while await self._call.agoes_on():
            async with AsyncExitStack() as serving:
                begun = await self._attempted(partial(self._listened, serving))
                if begun is None:
                    continue
                for known in begun.known:
                    yield known
                begun.hearing.listens_on()
                async for chunk in begun.rest:
                    for known in begun.hearing.heard(chunk):
                        yield known
                    begun.hearing.listens_on()
                begun.attempt.ended()
                return

    async def _attempted(self, ask: Callable[[Attempt], Coroutine[Any, Any, T | None]]) -> T | None:
        hedge = self._call.hedge
        beside = None if hedge is None else hedge.beside()
        if hedge is None or beside is None:
            return await ask(self._call.attempt())
        return await Race(self._call, hedge, beside, ask).run()

    async def _asked(self, attempt: Attempt) -> ChatResult | None:
        with attempt, self._opened(attempt) as (inner, arguments):
            messages = self._call.messages(self._messages)
            result = await inner._agenerate(messages, self._stop, None, **arguments)  # noqa: SLF001 - no second run
            return attempt.answered(result)
        return None

    async def _listened(self, serving: AsyncExitStack, attempt: Attempt) -> Begun | None:
        """Listen until the first content, and leave to `serving` what is open then."""
        begun = None
        async with AsyncExitStack() as opened:
            opened.enter_context(attempt)
            inner, arguments = opened.enter_context(self._opened(attempt))
            hearing, messages = attempt.hearing(), self._call.messages(self._messages)
            stream = achunks_of(inner, messages, self._stop, arguments)
            await opened.enter_async_context(aclosing(stream))
            begun = Begun(attempt, hearing, await _first_content(attempt, hearing, stream), stream)
            serving.push_async_exit(opened.pop_all())
        return begun


async def _first_content(
    attempt: Attempt, hearing: Hearing, stream: AsyncGenerator[ChatGenerationChunk]
) -> Sequence[ChatGenerationChunk]:
    """Return what can be handed on first: it may be the end of a stream without content."""
    async for chunk in stream:
        known = hearing.heard(chunk)
        if known:
            return known
    return attempt.ended()
