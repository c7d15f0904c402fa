"""The wish for an answer of a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.output_parsers import BaseGenerationOutputParser, BaseOutputParser

from app.llm.providers.calls import METHODS, PLAIN, AnswerFormat, CallRenderer, StructuredUse, unfit
from app.llm.wishes.formats import is_model, is_old_model, json_schema_of, strictness_of, titled
from app.llm.wishes.reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec
    from app.llm.planning import Hop
    from app.llm.providers.calls import Method

Rendered = tuple[dict[str, Any], "Runnable[Any, Any]"]
"""The call arguments for one hop's model, and what parses its answer."""

TRACING_ONLY: Final = frozenset({"ls_structured_output_format", "structured_output_format"})
"""Arguments that LangChain takes out again before a model sees them."""
ANY_JSON: Final = AnswerFormat("json_object", {"type": "json_object"})
PARSERS: Final = (BaseOutputParser, BaseGenerationOutputParser)
OPTIONS: Final = frozenset({"method", "strict", "include_raw", "tools"})
"""What `with_structured_output` itself understands; all else is for the call."""


class StructuredWish:
    """The wish for an answer of a schema. Each hop renders it in its own provider's way.

    :raises ValueError: there is no such method, or no schema where the method needs one.
    """

    def __init__(self, schema: Any, options: dict[str, Any], *, include_raw: bool = False) -> None:  # noqa: ANN401 - any schema LangChain knows
        self.schema, self.options = schema, options
        self.include_raw = include_raw
        """Whether the caller takes an answer that doesn't fit, rather than none."""
        self._rendered: dict[tuple[ClientSpec, StructuredUse], Rendered] = {}
        self._of_hop: dict[ClientSpec, Rendered] = {}
        method = options.get("method")
        if method not in {None, *METHODS}:
            raise ValueError(f"there is no method {method!r} of structured output: {', '.join(METHODS)}")
        if schema is None and method != "json_mode":
            raise ValueError("structured output needs a schema, unless its method is 'json_mode'")

    def __repr__(self) -> str:
        return f"StructuredWish({getattr(self.schema, '__name__', 'schema')})"

    @property
    def tools(self) -> list[Any]:
        """Tools that may be called instead of answering."""
        return list(self.options.get("tools") or ())

    @property
    def others(self) -> dict[str, Any]:
        """What was said with the schema and is for the call: a temperature, say."""
        return {name: value for name, value in self.options.items() if name not in OPTIONS}

    def rendered(
        self,
        inner: BaseChatModel,
        hop: Hop,
        renderer: CallRenderer = PLAIN,
        options: Mapping[str, OptionValue] | None = None,
        *,
        among_tools: bool = False,
    ) -> Rendered:
        """Return the call arguments for this hop's model, and what parses its answer.

        `options` are the hop's, with those of the call; `among_tools`: the model may call a tool instead.

        :raises UnfitArgument: its model can't be asked for this schema.
        """
        wished = self._wished(among_tools=among_tools or bool(self.tools))
        use = renderer.structured(hop.spec, wished, dict(hop.spec.options) if options is None else options)
        key = hop.spec, use
        if key not in self._rendered:
            self._rendered[key] = self._render(inner, hop.spec, renderer, use)
        self._of_hop[hop.spec] = self._rendered[key]
        return self._rendered[key]

    def parser(self, hop: Hop) -> Runnable[Any, Any] | None:
        """Return what parses this hop's answer; None if the wish was never rendered for it."""
        rendered = self._of_hop.get(hop.spec)
        return None if rendered is None else rendered[1]

    def _wished(self, *, among_tools: bool) -> StructuredUse:
        method: Method | None = self.options.get("method")
        strict = self.options.get("strict", strictness_of(self.schema))
        return StructuredUse("json_schema" if among_tools and method != "json_mode" else method, strict)

    def _render(
        self, inner: BaseChatModel, spec: ClientSpec, renderer: CallRenderer, use: StructuredUse
    ) -> Rendered:
        if self.schema is None:
            return renderer.answer_format(spec, ANY_JSON), reader_of(None)
        wished: dict[str, Any] = {"method": use.method, "strict": use.strict}
        said = {name: value for name, value in wished.items() if value is not None}
        try:
            chain: Any = inner.with_structured_output(self._schema(use.method), **said)
        except (ValueError, TypeError, KeyError) as error:
            raise unfit(spec, "structured_output", f"its schema can't be rendered ({error})") from None
        arguments = {name: value for name, value in chain.first.kwargs.items() if name not in TRACING_ONLY}
        by_text = use.method in {"json_schema", "json_mode"} or not isinstance(chain.last, PARSERS)
        return arguments, reader_of(self.schema) if by_text else chain.last

    def _schema(self, method: Method | None) -> Any:  # noqa: ANN401 - any schema LangChain knows
        """Return the schema as every one of LangChain's models takes it for this method."""
        if is_model(self.schema) and (method == "function_calling" or not is_old_model(self.schema)):
            return self.schema
        return titled(json_schema_of(self.schema))
