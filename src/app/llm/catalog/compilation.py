"""One run of the catalog's compiler: tables are read into rows, and problems are noted with their place."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from app.errors import nearest
from app.llm.catalog.problems import Path, Places, Problem
from app.llm.catalog.rows import ProfileRow, RouteRow, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from app.llm.catalog.options import Honoured
    from app.llm.catalog.source import Layer

    LastResorts = Mapping[str, Collection[str]]
    """By feature: the names of what it can do without a model."""

R = TypeVar("R", bound=Row)
MARKS = frozenset({"[key]", "[circuit]", "[off]"})
"""What pydantic puts into a path beside the keys that are written."""


@dataclass(slots=True)
class Compilation:
    """One run of the compiler: the rows as far as they could be read, and what is wrong so far."""

    layer: Layer
    honours: Mapping[str, Honoured]
    problems: list[Problem]
    last_resorts: LastResorts | None = None
    """None: nobody said what features can do without a model."""
    places: Places = field(init=False)
    bad: set[Path] = field(default_factory=set)
    """Rows that couldn't be read: what refers to them isn't reported a second time."""

    def __post_init__(self) -> None:
        self.places = Places(self.layer.places)

    def problem(self, path: Path, what: str) -> None:
        """Note what is wrong with the value at a path."""
        self.problems.append(Problem(self.places.of(*path), what))

    def idle(self, path: Path, what: str) -> None:
        """Note a line without effect, in the uppermost layer only: a lower one can't know what is over it."""
        place = self.places.of(*path)
        if place is None or place.layer == self.layer.name:
            self.problem(path, what)

    def table(self, top: str) -> dict[str, Any]:
        """Return a top-level table, or an empty one if it isn't a table."""
        found = self.layer.tables.get(top, {})
        if isinstance(found, dict):
            return found
        self.problem((top,), f"{top!r} must be a table")
        return {}

    def unknown(self, noun: str, name: str, path: Path) -> None:
        """Note a name that nobody wrote, with the nearest; a row that couldn't be read is noted already."""
        written = self.table(f"{noun}s")
        if name not in written:
            self.problem(path, f"unknown {noun} {name!r}{nearest(name, written)}")

    def row(self, kind: type[R], path: Path, value: object) -> R | None:
        """Return the value as a frozen row; each thing that doesn't fit becomes a problem.

        Unknown keys are left out then, so that they don't hide what else is wrong with the row.
        """
        try:
            return kind.model_validate_json(json.dumps(value, default=repr))
        except ValidationError as error:
            details = error.errors()
        for detail in details:
            self.problem(path + _keys(detail["loc"]), _explain(kind, path, dict(detail)))
        if all(detail["type"] == "extra_forbidden" for detail in details):
            return self.row(kind, path, _without(value, [_keys(detail["loc"]) for detail in details]))
        self.bad.add(path)
        return None

    def rows(self, kind: type[R], top: str) -> dict[str, R]:
        """Return the rows of a top-level table by name, those that could be read."""
        return self._rows(kind, (top,), self.table(top))

    def profiles(self) -> dict[str, ProfileRow]:
        """Return the profiles by name; a route that couldn't be read is missing in its profile."""
        found = {}
        for name, table in self.table("profiles").items():
            path = ("profiles", name)
            routes = table.get("routes") if isinstance(table, dict) else None
            if not isinstance(routes, dict):
                found[name] = self.row(ProfileRow, path, table)
                continue
            rest = self.row(ProfileRow, path, _without(table, [("routes",)]))
            read = self._rows(RouteRow, (*path, "routes"), routes)
            found[name] = rest and rest.model_copy(update={"routes": read})
        return {name: row for name, row in found.items() if row is not None}

    def _rows(self, kind: type[R], path: Path, table: Mapping[str, object]) -> dict[str, R]:
        found = {name: self.row(kind, (*path, name), value) for name, value in table.items()}
        return {name: row for name, row in found.items() if row is not None}


def _keys(loc: Path) -> Path:
    return tuple(key for key in loc if key not in MARKS)


def _without(value: Any, paths: Iterable[Path]) -> Any:  # noqa: ANN401 - any TOML value
    """Return a copy of a value without what is at these paths in it."""
    copied = copy.deepcopy(value)
    for path in paths:
        here = copied
        for key in path[:-1]:
            here = here[key]
        del here[path[-1]]
    return copied


def _explain(kind: type[Row], path: Path, detail: Mapping[str, Any]) -> str:
    """Say in our words what pydantic found, with the nearest right key for an unknown one."""
    keys = [str(key) for key in _keys(detail["loc"])]
    where = ".".join([*map(str, path), *keys])
    if detail["type"] == "extra_forbidden":
        return f"unknown key {where!r}{nearest(keys[-1], _known_keys(kind, keys[:-1]))}"
    if detail["type"] == "missing":
        return f"{where!r} is missing"
    return f"{where!r} is {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _known_keys(kind: type[Row], keys: list[str]) -> list[str]:
    """Return the keys that the table at `keys` inside such a row may have."""
    schema = kind.model_json_schema()
    here = _followed(schema, schema)
    for key in keys:
        properties = here.get("properties", {})
        inner = properties.get(key) or here.get("items") or here.get("additionalProperties", {})
        here = _followed(inner, schema)
    return list(here.get("properties", {}))


def _followed(here: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference (or the reference among several choices) stands for."""
    for choice in (here, *here.get("anyOf", ()), *here.get("oneOf", ())):
        if name := choice.get("$ref", "").removeprefix("#/$defs/"):
            found: Mapping[str, Any] = schema["$defs"][name]
            return found
    return here
