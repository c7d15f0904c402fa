"""Compiling a catalog: tables -> rows -> routes -> a checked catalog, or all its problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import CatalogError, nearest
from app.llm.catalog.checks import check
from app.llm.catalog.compilation import Compilation
from app.llm.catalog.inherit import resolve_profiles
from app.llm.catalog.model import Catalog, Feature, Provider
from app.llm.catalog.problems import Place, Problem
from app.llm.catalog.routes import route_of
from app.llm.catalog.rows import FailureRow, FeatureRow, ProviderRow, RouteRow
from app.llm.catalog.shipped import shipped_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.compilation import LastResorts
    from app.llm.catalog.options import Honoured
    from app.llm.catalog.source import Layer

TABLES = ("features", "providers", "profiles", "pinned", "default", "failures")


def compile_catalog(
    layer: Layer,
    honours: Mapping[str, Honoured],
    problems: list[Problem] | None = None,
    *,
    last_resorts: LastResorts | None = None,
) -> Catalog:
    """Return the checked catalog of one (merged) layer.

    `honours` says which options each wire protocol can render, `last_resorts` what each feature can do
    without a model (None: nobody knows, so those names aren't judged). `problems` were found while reading.

    :raises CatalogError: with all problems at once, in the order of files and lines.
    """
    run = Compilation(layer, honours, list(problems or ()), last_resorts)
    for top in layer.tables:
        if top not in TABLES:
            run.problem((top,), f"unknown table {top!r}{nearest(top, TABLES)}")
    catalog = _assemble(run)
    check(catalog, run)
    if run.problems:
        raise CatalogError([str(problem) for problem in sorted(set(run.problems), key=_by_place)])
    return catalog


def _assemble(run: Compilation) -> Catalog:
    features = run.rows(FeatureRow, "features")
    providers = run.rows(ProviderRow, "providers")
    pinned = run.rows(RouteRow, "pinned")
    failures = run.rows(FailureRow, "failures")
    default = run.row(RouteRow, ("default",), run.table("default")) if run.table("default") else None
    return Catalog(
        features={name: Feature(name, row) for name, row in features.items()},
        providers={name: Provider(name, row) for name, row in providers.items()},
        profiles=resolve_profiles(run, run.profiles(), features, pinned),
        pinned={name: route_of(row, ("pinned", name)) for name, row in pinned.items()},
        default=route_of(default, ("default",)) if default else None,
        failures=shipped_table(run.problems).overridden(None, failures, run.places),
        places=run.places,
    )


def _by_place(problem: Problem) -> tuple[Place, str]:
    return (problem.place or Place("", 0, ""), problem.what)
