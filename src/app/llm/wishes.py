"""What a caller wishes beyond messages (tools, structured output), kept as given until a hop renders it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.output_parsers import (
    BaseGenerationOutputParser,
    BaseOutputParser,
    PydanticOutputParser,
)
from langchain_core.utils.function_calling import convert_to_openai_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.planning import Hop

TRACING_ONLY = ("ls_structured_output_format", "structured_output_format")
"""Arguments that LangChain takes out again before a model sees them."""


class BoundTools(list[Any]):
    """Tools as a caller gave them. The list shows them in OpenAI's form, which tracers and agents read."""

    def __init__(self, given: Sequence[Any], options: dict[str, Any]) -> None:
        super().__init__(_shown(tool) for tool in given)
        self.given = tuple(given)
        self.options = options


class StructuredWish:
    """The wish for an answer of a schema. Each hop renders it in its own provider's way."""

    def __init__(self, schema: Any, options: dict[str, Any], *, include_raw: bool = False) -> None:  # noqa: ANN401 - any schema LangChain knows
        self.schema, self.options = schema, options
        self.include_raw = include_raw
        """Whether the caller takes an answer that doesn't fit, rather than none."""
        self._rendered: dict[str, tuple[dict[str, Any], Runnable[Any, Any]]] = {}

    def __repr__(self) -> str:
        return f"StructuredWish({getattr(self.schema, '__name__', 'schema')})"

    def rendered(self, inner: BaseChatModel, hop: Hop) -> tuple[dict[str, Any], Runnable[Any, Any]]:
        """Return the call arguments for this hop's model, and what parses its answer."""
        key = hop.route.target
        if key not in self._rendered:
            options = dict(self.options)
            if hop.spec.structured_method is not None:
                options.setdefault("method", hop.spec.structured_method)
            chain: Any = inner.with_structured_output(self.schema, **options)
            arguments = {k: v for k, v in chain.first.kwargs.items() if k not in TRACING_ONLY}
            self._rendered[key] = (arguments, self._reader(chain.last))
        return self._rendered[key]

    def _reader(self, parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """Return what parses the text of an answer, where LangChain's parser wants it parsed by an SDK."""
        if isinstance(parser, BaseOutputParser | BaseGenerationOutputParser):
            return parser
        return PydanticOutputParser(pydantic_object=self.schema)

    def parser(self, hop: Hop) -> Runnable[Any, Any] | None:
        """Return what parses this hop's answer; None if the wish was never rendered for it."""
        rendered = self._rendered.get(hop.route.target)
        return None if rendered is None else rendered[1]


def render(inner: BaseChatModel, hop: Hop, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return call arguments with each wish rendered by the hop's own model."""
    tools, wish = arguments.get("tools"), arguments.get("structured_output")
    if isinstance(tools, BoundTools):
        bound: Any = inner.bind_tools(tools.given, **tools.options)
        arguments = {**arguments, "tools": None, **bound.kwargs}
    if isinstance(wish, StructuredWish):
        arguments = {k: v for k, v in arguments.items() if k != "structured_output"}
        arguments |= wish.rendered(inner, hop)[0]
    return arguments


def _shown(tool: Any) -> Any:  # noqa: ANN401 - any tool LangChain knows
    """Return the tool in OpenAI's form; a provider's own kind of tool is shown as it is."""
    try:
        return convert_to_openai_tool(tool)
    except (ValueError, TypeError):
        return tool
