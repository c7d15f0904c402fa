"""The form that an answer's text has to have, whoever's words said it; schemas as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from app.llm.providers.calls import AnswerFormat, unfit

if TYPE_CHECKING:
    from app.llm.clients.spec import ClientSpec

SHAPES: Final = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf"})
"""A JSON schema has one of these."""


def format_of(spec: ClientSpec, given: object, *, strict: bool | None = None) -> AnswerFormat | None:
    """Return the wish that a call's `response_format` is, None if it wishes for nothing but text.

    It may be a table of OpenAI's, a JSON schema, or a class that has one. `strict`: how the call wants it to
    be kept to, where it doesn't say so itself.

    :raises UnfitArgument: it is none of these.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        kind = given.get("type")
        if kind in {"text", "json_object"}:
            return AnswerFormat("json_object", dict(given)) if kind == "json_object" else None
        if kind not in {None, "json_schema", "object"}:
            return AnswerFormat("other", dict(given))
    try:
        schema = json_schema_of(given)
    except (ValueError, TypeError, KeyError):
        raise unfit(spec, "response_format", "it is no schema, and no format of OpenAI's") from None
    return AnswerFormat("json_schema", _as_openai_has_it(given, schema, strict=strict), schema)


def json_schema_of(schema: object) -> dict[str, Any]:
    """Return a schema as a JSON schema. Raises ValueError, TypeError or KeyError if it is none."""
    described = _described(schema)
    if "properties" in described:
        described.setdefault("type", "object")
    if described.keys().isdisjoint(SHAPES):
        raise ValueError("a schema that says nothing of a shape")
    return described


def _described(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    if isinstance(schema, Mapping) and (inner := _inner(schema)) is not None:
        return inner
    if is_model(schema):
        return dict(schema.schema() if is_old_model(schema) else schema.model_json_schema())
    return dict(convert_to_json_schema(schema))


def titled(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema with a title: the name of the tool or the format that it becomes."""
    return schema if schema.get("title") else {"title": "answer", **schema}


def strictness_of(schema: object) -> bool | None:
    """Return how strictly a table of OpenAI's wants to be kept to; None: it doesn't say."""
    if not isinstance(schema, Mapping):
        return None
    for table in (schema, schema.get("json_schema"), schema.get("function")):
        if isinstance(table, Mapping) and isinstance(table.get("strict"), bool):
            return bool(table["strict"])
    return None


def is_model(schema: object) -> bool:
    """Whether a schema is a pydantic class, of version 2 or 1: answers become its objects."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def is_old_model(schema: object) -> bool:
    """Whether a schema is a class of pydantic's version 1."""
    return is_model(schema) and not issubclass(schema, BaseModel)  # type: ignore[arg-type]  # a class, as just seen


def _inner(table: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema that a table is, or that it holds as OpenAI's and Anthropic's formats do."""
    wrapped = table.get("json_schema", table) if table.get("type") == "json_schema" else table
    schema = wrapped.get("schema") if isinstance(wrapped, Mapping) else None
    if isinstance(schema, Mapping):
        return dict(schema)
    return dict(table) if table.get("type") == "object" or "properties" in table else None


def _as_openai_has_it(given: object, schema: dict[str, Any], *, strict: bool | None) -> object:
    if is_model(given) and not is_old_model(given):
        return given
    own = given.get("json_schema") if isinstance(given, Mapping) else None
    name = str(schema.get("title") or getattr(given, "__name__", "answer"))
    described = dict(own) if isinstance(own, Mapping) else {"name": name, "schema": schema}
    if strict is not None:
        described.setdefault("strict", strict)
    return {"type": "json_schema", "json_schema": described}
