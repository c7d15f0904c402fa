"""Structured output of a routed model: the hop that answered also parses."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough

from app.llm.wishes import StructuredWish

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import RunnableConfig

    from app.llm.routed_model import RoutedChatModel


def structured_chain(
    model: RoutedChatModel, schema: dict[str, Any] | type, *, include_raw: bool, options: dict[str, Any]
) -> Runnable[LanguageModelInput, Any]:
    """Return the chain that asks a routed model for answers of a schema and parses them.

    With `include_raw` its output is `{"raw": AIMessage, "parsed": ..., "parsing_error": ...}`.
    """
    given = {name: value for name, value in options.items() if value is not None}
    wish = StructuredWish(schema, given)
    shown = {"kwargs": {"method": given.get("method", "the provider's")}, "schema": schema}
    bound = model.bind(structured_output=wish, ls_structured_output_format=shown)
    parser = AnswerParser(model, wish)
    if not include_raw:
        return bound | parser
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


class AnswerParser(Runnable["AIMessage", Any]):
    """Parses an answer with the parser of the hop that gave it."""

    def __init__(self, model: RoutedChatModel, wish: StructuredWish) -> None:
        self._model, self._wish = model, wish

    def _parser(self) -> Runnable[Any, Any]:
        line = self._model._attached()  # noqa: SLF001 - the other half of one class
        hop = line.plan.first
        return self._wish.rendered(line.cache.get(hop.spec), hop)[1]

    def invoke(self, input: AIMessage, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401 - LangChain's signature
        """Return the parsed answer; raises what the hop's own parser raises."""
        return self._parser().invoke(input, config, **kwargs)

    async def ainvoke(self, input: AIMessage, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401 - LangChain's signature
        """Return the parsed answer; raises what the hop's own parser raises."""
        return await self._parser().ainvoke(input, config, **kwargs)

    def transform(
        self, input: Iterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any  # noqa: A002 - LangChain's signature
    ) -> Iterator[Any]:
        """Yield what can be parsed of the answer while it streams."""
        yield from self._parser().transform(input, config, **kwargs)

    async def atransform(
        self, input: AsyncIterator[AIMessage], config: RunnableConfig | None = None, **kwargs: Any  # noqa: A002 - LangChain's signature
    ) -> AsyncIterator[Any]:
        """Yield what can be parsed of the answer while it streams."""
        async for parsed in self._parser().atransform(input, config, **kwargs):
            yield parsed
