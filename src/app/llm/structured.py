"""Structured output of a routed model: the hop that answered also parses."""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough

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
    if not include_raw:
        return bound | parser
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


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
            yield from self._line.parser(self._wish, first).transform(
                chain((first,), input), config, **kwargs
            )

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


async def _achain(first: AIMessage, rest: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
    yield first
    async for one in rest:
        yield one
