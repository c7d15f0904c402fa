"""Values that fit a JSON schema, taken from what the prompt says where it says something that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = Mapping[str, Any]


def filled(schema: Schema, prompt: str) -> dict[str, Any]:
    """Return an object of the schema; numbers and quoted words of the prompt come in their order."""
    numbers = iter(re.findall(r"-?\d+", prompt))
    quoted = iter(re.findall(r"'([^']+)'", prompt))
    value = _value(schema, schema, _Mentions(prompt, numbers, quoted))
    if not isinstance(value, dict):
        raise TypeError(f"a tool takes an object, and an answer is one: {schema}")
    return value


class _Mentions:
    """What a prompt mentions, each mention used once."""

    def __init__(self, prompt: str, numbers: Iterator[str], quoted: Iterator[str]) -> None:
        self._prompt, self._numbers, self._quoted = prompt, numbers, quoted

    def number(self) -> int:
        return int(next(self._numbers, "0"))

    def text(self) -> str:
        return next(self._quoted, self._prompt)


def _value(schema: Schema, root: Schema, mentions: _Mentions) -> Any:  # noqa: ANN401 - any JSON value
    if "$ref" in schema:
        return _value(_resolved(schema["$ref"], root), root, mentions)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _value(schema[several][0], root, mentions)
    return _typed(_type_of(schema), schema, root, mentions)


def _typed(kind: str, schema: Schema, root: Schema, mentions: _Mentions) -> Any:  # noqa: ANN401 - any JSON value
    match kind:
        case "object":
            properties = schema.get("properties") or {}
            return {name: _value(inner, root, mentions) for name, inner in properties.items()}
        case "array":
            return [_value(schema.get("items") or {}, root, mentions)]
        case "integer" | "number":
            return mentions.number()
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return mentions.text()


def _type_of(schema: Schema) -> str:
    """Return the type's name in lower case (Gemini writes OBJECT); of several, the first."""
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    return str(kind[0] if isinstance(kind, list) else kind).lower()


def _resolved(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
