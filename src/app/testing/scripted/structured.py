"""Structured output of a scripted model, by each of the methods that LangChain knows."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

if TYPE_CHECKING:
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

Method = Literal["function_calling", "json_schema", "json_mode"]
FORMAT = "response_format"
"""The call argument that carries a schema."""


def structured(
    model: BaseChatModel,
    schema: dict[str, Any] | type | None = None,
    *,
    include_raw: bool = False,
    method: Method = "function_calling",
    strict: bool | None = None,
    **unknown: Any,
) -> Runnable[LanguageModelInput, Any]:
    """Return the chain that asks a model for a schema's values and parses them.

    Raises ValueError for another method, for options that no model knows, and for a schema that is missing.
    """
    if unknown:
        raise ValueError(f"structured output knows no {', '.join(unknown)}")
    if schema is None and method != "json_mode":
        raise ValueError(f"method {method!r} needs a schema")
    shown = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
    if method == "function_calling":
        asking, parser = _by_tool(model, schema, shown)
    elif method in {"json_schema", "json_mode"}:
        asking, parser = _by_format(model, schema, method, shown)
    else:
        raise ValueError(f"there is no method {method!r}: function_calling, json_schema, json_mode")
    if not include_raw:
        plain: Runnable[LanguageModelInput, Any] = asking | parser
        return plain
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asking) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")


def _by_tool(model: BaseChatModel, schema: Any, shown: dict[str, Any]) -> tuple[Any, Any]:  # noqa: ANN401 - any schema
    name = convert_to_openai_tool(schema)["function"]["name"]
    asking: Any = model.bind_tools([schema], tool_choice=name, ls_structured_output_format=shown)
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return asking, PydanticToolsParser(tools=[schema], first_tool_only=True)
    return asking, JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _by_format(
    model: BaseChatModel,
    schema: Any,  # noqa: ANN401 - any schema
    method: str,
    shown: dict[str, Any],
) -> tuple[Any, Any]:
    wish: dict[str, Any] = {"type": method}
    if method == "json_schema":
        wish["json_schema"] = convert_to_json_schema(schema)
    asking: Any = model.bind(ls_structured_output_format=shown, **{FORMAT: wish})
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return asking, PydanticOutputParser(pydantic_object=schema)
    return asking, JsonOutputParser()
