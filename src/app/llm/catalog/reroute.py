"""Sending every route of one provider elsewhere by a setting: POINTSMAN_REROUTE="local=ollama/qwen3:4b"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import nearest
from app.llm.catalog.problems import Place, Problem
from app.llm.catalog.source import Layer

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING = Place("POINTSMAN_REROUTE", 0, "environment")


def rerouted(layer: Layer, reroutes: Mapping[str, str], problems: list[Problem]) -> Layer:
    """Return the layer with each route to a rerouted provider replaced as one value, options and all (R4)."""
    if not reroutes:
        return layer
    targets = {}
    providers = layer.tables.get("providers", {})
    for name, target in reroutes.items():
        provider, slash, model = target.partition("/")
        problems += [
            Problem(SETTING, f"unknown provider {asked!r}{nearest(asked, providers)}")
            for asked in (name, provider)
            if asked not in providers
        ]
        if not (slash and model):
            problems.append(Problem(SETTING, f"{name}={target!r}: write provider/model behind the '='"))
        targets[name] = {"provider": provider, "model": model}
    places = dict(layer.places)
    tables = {top: _replaced(table, targets, (top,), places) for top, table in layer.tables.items()}
    providers = {name: {**row, "spare": True} if name in targets else row for name, row in providers.items()}
    return Layer(SETTING.layer, {**tables, "providers": providers}, places, layer.name)


def _replaced(value: Any, targets: Mapping[str, Any], path: tuple[Any, ...], places: dict[Any, Place]) -> Any:  # noqa: ANN401 - any TOML value
    if isinstance(value, list):
        return [_replaced(inner, targets, (*path, i), places) for i, inner in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if "model" in value and value.get("provider") in targets:
        places[path] = SETTING
        return targets[value["provider"]]
    return {key: _replaced(inner, targets, (*path, key), places) for key, inner in value.items()}
