"""Reading catalog directories: TOML tables with the place of every key, and layers laid over each other."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.llm.catalog.problems import SHIPPED, Path, Place, Problem
from app.llm.catalog.toml_lines import lines_of_keys

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

Table = dict[str, Any]

MERGE_DEPTH = {"features": 2, "providers": 2, "pinned": 1, "failures": 1, "default": 0}
"""How many keys deep an upper layer's value replaces a lower one's. A route is replaced whole: R4."""
JUDGED_LATER = frozenset({"failures"})
"""Tables whose rows can be written in several ways: only the compiler sees what a line changes."""
PROFILE_TABLES = ("routes", "unavailable")


@dataclass(slots=True)
class Layer:
    """What one directory says: its tables, and the place of every key in them."""

    name: str
    tables: Table = field(default_factory=dict)
    places: dict[Path, Place] = field(default_factory=dict)
    beneath: str | None = None
    """The name of the layer that it was laid over."""


def read_layer(name: str, directory: pathlib.Path, problems: list[Problem]) -> Layer:
    """Read all `*.toml` files of a directory into one layer; what can't be read becomes a problem."""
    layer = Layer(name)
    files = sorted(directory.glob("*.toml"))
    if not files:
        reason = "holds no *.toml file" if directory.is_dir() else "is not a directory that can be read"
        problems.append(Problem(None, f"the catalog directory {directory} {reason}"))
    for file in files:
        read_file(layer, file, problems)
    return layer


def read_file(layer: Layer, file: pathlib.Path, problems: list[Problem]) -> None:
    """Read one file into a layer; what can't be read, or is written there already, becomes a problem."""
    name = file.name if layer.name == SHIPPED else str(file)
    try:
        raw = file.read_bytes()
        tables = tomllib.loads(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(Problem(Place(name, _line_of(error), layer.name), f"can't be read: {error}"))
        return
    lines = lines_of_keys(raw)
    places = {path: Place(name, line, layer.name) for path, line in lines.items()}
    for top, table in tables.items():
        known = layer.tables.setdefault(top, {}) if isinstance(table, dict) else table
        if not isinstance(known, dict):
            layer.tables[top] = table
            continue
        for key, row in table.items():
            if key in known:
                first = layer.places[top, key]
                problems.append(Problem(places[top, key], f"{top}.{key} is already written at {first}"))
            known[key] = row
    layer.places.update(places)


def _line_of(error: Exception) -> int:
    """Return the line that a TOML error names: before Python 3.14 it does so in its text only."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found.group(1)) if found else 0


def lay_over(lower: Layer, upper: Layer, problems: list[Problem]) -> Layer:
    """Return the upper layer over the lower one; an upper value that changes nothing is a problem."""
    merged = Layer(upper.name, dict(lower.tables), dict(lower.places), lower.name)
    for path, value in _values(upper.tables):
        if path[0] not in JUDGED_LATER and _get(lower.tables, path) == value:
            what = ".".join(map(str, path))
            under = lower.places[path]
            problems.append(
                Problem(upper.places[path], f"{what} has no effect: it repeats what {under} says already")
            )
        _put(merged.tables, path, value)
        _forget_opposite(merged, path)
        for inner in [known for known in merged.places if known[: len(path)] == path]:
            del merged.places[inner]
    merged.places.update(upper.places)
    return merged


def _values(tables: Table) -> Iterator[tuple[Path, Any]]:
    """Yield the replaceable values of a layer with their paths, in writing order."""
    for top, table in tables.items():
        if top == "profiles" and isinstance(table, dict):
            yield from _profile_values(table)
        else:
            yield from _walk((top,), table, MERGE_DEPTH.get(top, 0))


def _profile_values(profiles: Table) -> Iterator[tuple[Path, Any]]:
    for name, profile in profiles.items():
        for path, value in _walk(("profiles", name), profile, 1):
            yield from _walk(path, value, 1 if path[-1] in PROFILE_TABLES else 0)


def _walk(path: Path, value: Any, depth: int) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401 - any TOML value
    if depth == 0 or not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from _walk((*path, key), inner, depth - 1)


def _get(tables: Table, path: Path) -> Any:  # noqa: ANN401 - any TOML value
    value: Any = tables
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def _put(tables: Table, path: Path, value: Any) -> None:  # noqa: ANN401 - any TOML value
    """Set the value, copying each table on the way, so that the lower layer stays as it was."""
    for key in path[:-1]:
        inner = tables.get(str(key))
        tables[str(key)] = dict(inner) if isinstance(inner, dict) else {}
        tables = tables[str(key)]
    tables[str(path[-1])] = value


def _forget_opposite(layer: Layer, path: Path) -> None:
    """A feature that an upper layer routes is no longer unavailable below it, and the other way round."""
    match path:
        case ("profiles", name, "routes", feature):
            opposite = "unavailable"
        case ("profiles", name, "unavailable", feature):
            opposite = "routes"
        case _:
            return
    table = _get(layer.tables, ("profiles", name, opposite))
    if isinstance(table, dict) and feature in table:
        kept = {key: value for key, value in table.items() if key != feature}
        _put(layer.tables, ("profiles", name, opposite), kept)
