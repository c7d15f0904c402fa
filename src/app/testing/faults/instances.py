"""The smallest value that a JSON schema allows, so that an answer fits what was asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WORD: Final = "answer"
DEEPEST: Final = 32
"""Levels. A schema may refer to itself; behind so many of them there is nothing."""
BY_FORMAT: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
LEAST: Final = ("minimum", "exclusiveMinimum")
MOST: Final = ("maximum", "exclusiveMaximum")
Schema = Mapping[str, Any]


def instance_of(schema: Schema) -> Any:  # noqa: ANN401 - any JSON value
    """Return a small value that satisfies a schema, also one in Google's own spelling (types in capitals).

    Patterns of texts aren't read.
    """
    return _Maker(schema).value(schema, 0)


class _Maker:
    """Makes the values of one document, whose definitions its parts refer to."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def value(self, schema: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        if not isinstance(schema, Mapping) or depth > DEEPEST:
            return None
        for name in ("const", "default", "enum"):
            if name in schema:
                return schema[name][0] if name == "enum" else schema[name]
        if "$ref" in schema:
            return self.value(self._referred(str(schema["$ref"])), depth + 1)
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                return self.value(schema[name][0], depth + 1)
        if schema.get("allOf"):
            return self.value(_joined(schema), depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Schema, depth: int) -> Any:  # noqa: ANN401 - any JSON value
        named = schema.get("type", "object" if "properties" in schema else "string")
        kind = str(named[0] if isinstance(named, list) else named).lower()
        if kind == "object":
            wanted, known = schema.get("required", ()), schema.get("properties", {})
            return {name: self.value(known.get(name, {}), depth + 1) for name in wanted}
        if kind == "array":
            count = int(schema.get("minItems", 0))
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
        if kind in {"number", "integer"}:
            return _number(schema, whole=kind == "integer")
        return {"boolean": False, "null": None}.get(kind, _text(schema))

    def _referred(self, pointer: str) -> Any:  # noqa: ANN401 - any JSON value
        found: Any = self._document
        for part in pointer.removeprefix("#").split("/"):
            if part:
                name = part.replace("~1", "/").replace("~0", "~")
                found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _joined(schema: Schema) -> Schema:
    """Return one schema for several that all have to hold."""
    joined = {name: value for name, value in schema.items() if name != "allOf"}
    for part in schema["allOf"]:
        for name, value in part.items():
            known = joined.get(name)
            if isinstance(known, Mapping) and isinstance(value, Mapping):
                joined[name] = {**known, **value}
            elif isinstance(known, list) and isinstance(value, list):
                joined[name] = [*known, *value]
            else:
                joined[name] = value
    return joined


def _number(schema: Schema, *, whole: bool) -> float:
    """Return 0 if it is allowed, else a number near one of the bounds."""
    step = float(schema.get("multipleOf", 1 if whole else 0))
    found = next((one for one in _candidates(schema, step) if _is_within(one, schema)), 0.0)
    return int(found) if whole else found


def _candidates(schema: Schema, step: float) -> Iterator[float]:
    bounds = [float(schema[name]) for name in (*LEAST, *MOST) if name in schema]
    middle = sum(bounds) / len(bounds) if bounds else 0.0
    for one in (0.0, *bounds, middle):
        if not step:
            yield from (one, one + 1, one - 1)
            continue
        near = math.floor(one / step) * step
        yield from (near, near + step, near - step)


def _is_within(value: float, schema: Schema) -> bool:
    least, above = (schema.get(name, -math.inf) for name in LEAST)
    most, below = (schema.get(name, math.inf) for name in MOST)
    return bool(least <= value <= most and above < value < below)


def _text(schema: Schema) -> str:
    word = BY_FORMAT.get(str(schema.get("format")), WORD)
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    word *= max(1, -(-least // len(word)))
    return word if most is None else word[: int(most)]
