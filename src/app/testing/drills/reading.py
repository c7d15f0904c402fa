"""Reading scenarios: TOML files, and what is wrong in them with file and line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from app.errors import InputError, nearest
from app.llm.catalog.problems import Place, Places, Problem
from app.llm.catalog.toml_lines import lines_of_keys
from app.testing.drills.scenario import CallerRow, PlayRow, Row, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.catalog.problems import Path as Keys

BUILT_IN: Final = Path(__file__).with_name("matrix.toml")
"""The matrix that is played when nobody says another."""


def read_scenario(path: Path = BUILT_IN) -> Scenario:
    """Return the scenario that a TOML file holds.

    :raises InputError: it can't be read, or something in it makes no sense; with file and line.
    """
    try:
        raw = path.read_bytes()
        tables = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: can't be read: {error}") from error
    return _checked(path, raw, tables)


def _checked(path: Path, raw: bytes, tables: dict[str, Any]) -> Scenario:
    try:
        scenario = Scenario.model_validate_json(json.dumps(tables, default=repr))
        wrong = list(_strangers(scenario))
    except ValidationError as error:
        scenario, wrong = None, [_explained(detail) for detail in error.errors()]
    if scenario is None or wrong:
        raise InputError(_with_places(path, raw, wrong))
    return scenario


def _strangers(scenario: Scenario) -> Iterator[tuple[Keys, str]]:
    """Yield the callers that plays name and nobody declared."""
    for number, play in enumerate(scenario.plays):
        for name in play.callers:
            if name not in scenario.callers:
                what = f"unknown caller {name!r}{nearest(name, scenario.callers)}"
                yield ("plays", number, "callers"), what


def _explained(detail: Any) -> tuple[Keys, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    keys: Keys = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        kinds: dict[str, type[Row]] = {"plays": PlayRow, "callers": CallerRow}
        kind = kinds.get(str(keys[0]), Scenario)
        return keys, f"unknown key {keys[-1]!r}{nearest(str(keys[-1]), kind.model_fields)}"
    where = ".".join(map(str, keys))
    return keys, f"{where}: {detail['msg']}" if where else str(detail["msg"])


def _with_places(path: Path, raw: bytes, wrong: list[tuple[Keys, str]]) -> str:
    places = Places({keys: Place(str(path), line, "") for keys, line in lines_of_keys(raw).items()})
    whole = Place(str(path), 0, "")
    found = {Problem(places.of(*keys) or whole, what) for keys, what in wrong}
    return "\n".join(map(str, sorted(found, key=lambda one: (one.place or whole, one.what))))
