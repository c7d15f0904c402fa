"""Structured output of a routed model: the hop that answered also parses."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable
from langchain_core.runnables.utils import AddableDict

from app.llm.wishes import StructuredWish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import RunnableConfig

    from app.llm.line import Line


def structured_chain(
    model: BaseChatModel,
    line: Line,
    schema: dict[str, Any] | type,
    *,
    include_raw: bool,
    options: dict[str, Any],
) -> Runnable[LanguageModelInput, Any]:
    """Return the chain that asks a routed model for answers of a schema and parses them.

    With `include_raw` its output is `{"raw": AIMessage, "parsed": ..., "parsing_error": ...}`.
    """
    given = {name: value for name, value in options.items() if value is not None}
    wish = StructuredWish(schema, given, include_raw=include_raw)
    shown = {"kwargs": {"method": given.get("method", "the provider's")}, "schema": schema}
    bound = model.bind(structured_output=wish, ls_structured_output_format=shown)
    parser = AnswerParser(line, wish)
    # The model comes first: only the first step is given a call's own arguments, its limits among them.
    return bound | (RawAndParsed(parser) if include_raw else parser)


class AnswerParser(Runnable["AIMessage", Any]):
    """Parses an answer with the parser of the hop that gave it."""

    def __init__(self, line: Line, wish: StructuredWish) -> None:
        self._line, self._wish = line, wish

    def invoke(
        self,
        input: AIMessage,  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - what the schema makes of it
        """Return the parsed answer; raises what the hop's own parser raises."""
        return self._line.parser(self._wish, input).invoke(input, config, **kwargs)

    async def ainvoke(
        self,
        input: AIMessage,  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - what the schema makes of it
        """Return the parsed answer; raises what the hop's own parser raises."""
        return await self._line.parser(self._wish, input).ainvoke(input, config, **kwargs)

    def transform(
        self,
        input: Iterator[AIMessage],  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Yield what can be parsed of the answer while it streams. The first chunk says which hop it is."""
        for first in input:
            answer = Tap(chain((first,), input))
            # Held here, and no `yield from`: LangChain's parsers read an answer to its end when they are
            # closed, so it has to be shut before.
            parsing = self._line.parser(self._wish, first).transform(answer, config, **kwargs)
            try:
                for parsed in parsing:  # noqa: UP028 - as just said
                    yield parsed
            finally:
                answer.shut()

    async def atransform(
        self,
        input: AsyncIterator[AIMessage],  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Yield what can be parsed of the answer while it streams."""
        async for first in input:
            parser = self._line.parser(self._wish, first)
            async for parsed in parser.atransform(_achain(first, input), config, **kwargs):
                yield parsed


class Tap:
    """An iterator that can be shut: whoever reads on finds that it has come to its end."""

    def __init__(self, source: Iterator[AIMessage]) -> None:
        self._source: Iterator[AIMessage] | None = source

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> AIMessage:
        if self._source is None:
            raise StopIteration
        return next(self._source)

    def shut(self) -> None:
        """End it, and let go of what it reads from."""
        self._source = None


class RawAndParsed(Runnable["AIMessage", "dict[str, Any]"]):
    """Gives an answer as it is, and what its parser makes of it or has against it.

    A stream's chunks are handed on as they come, and what is parsed at its end.
    """

    def __init__(self, parser: AnswerParser) -> None:
        self._parser = parser

    def invoke(
        self,
        input: AIMessage,  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return `{"raw": AIMessage, "parsed": ..., "parsing_error": ...}`."""
        try:
            parsed, problem = self._parser.invoke(input, config, **kwargs), None
        except Exception as error:  # noqa: BLE001 - a schema's own validators raise what they like
            parsed, problem = None, error
        return AddableDict(raw=input, parsed=parsed, parsing_error=problem)

    async def ainvoke(
        self,
        input: AIMessage,  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return `{"raw": AIMessage, "parsed": ..., "parsing_error": ...}`."""
        try:
            parsed, problem = await self._parser.ainvoke(input, config, **kwargs), None
        except Exception as error:  # noqa: BLE001 - as above
            parsed, problem = None, error
        return AddableDict(raw=input, parsed=parsed, parsing_error=problem)

    def transform(
        self,
        input: Iterator[AIMessage],  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[dict[str, Any]]:
        """Yield `{"raw": chunk}` for each chunk, and at the end the rest."""
        chunks: list[Any] = []
        for chunk in input:
            chunks.append(chunk)
            yield AddableDict(raw=chunk)
        if chunks:
            yield _read(self.invoke(_whole(chunks), config, **kwargs))

    async def atransform(
        self,
        input: AsyncIterator[AIMessage],  # noqa: A002 - LangChain's signature
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield `{"raw": chunk}` for each chunk, and at the end the rest."""
        chunks: list[Any] = []
        async for chunk in input:
            chunks.append(chunk)
            yield AddableDict(raw=chunk)
        if chunks:
            yield _read(await self.ainvoke(_whole(chunks), config, **kwargs))


def _whole(chunks: list[Any]) -> AIMessage:
    whole: AIMessage = chunks[0] if len(chunks) == 1 else add_ai_message_chunks(*chunks)
    return whole


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    return AddableDict((name, value) for name, value in answer.items() if name != "raw")


async def _achain(first: AIMessage, rest: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
    yield first
    async for one in rest:
        yield one
