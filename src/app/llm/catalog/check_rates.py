"""Checks of what providers are spared: circuits and client-side rate limits."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from app.llm.catalog.effective import direct_equivalent, hops_of
from app.llm.catalog.failure_table import PAYERS_OF
from app.llm.catalog.rate_strings import rate_fault
from app.llm.catalog.rows import CircuitRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.errors import Payer
    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.model import Catalog, Feature, Provider, Route
    from app.llm.catalog.problems import Path
    from app.llm.catalog.rows import RateRow

Reached = set[tuple[str, str, "Payer"]]
"""(provider, model, payer) of every request that some plan may make."""


def check_rates(catalog: Catalog, run: Compilation, reached: Reached) -> None:
    """Note rate limits that can't be counted or hold for nothing, and circuits that repeat the default."""
    for provider in catalog.providers.values():
        path: Path = ("providers", provider.name)
        written = run.table("providers")[provider.name].get("circuit")
        if provider.row.circuit == CircuitRow() and written is not None and not _strangers(written):
            run.idle((*path, "circuit"), "has no effect: it repeats the default of every provider")
        for index, row in enumerate(provider.row.rates):
            _check_limits(run, row, (*path, "rates", index))
            _check_use(run, provider, row, (*path, "rates", index), reached)


def _strangers(written: Mapping[str, object]) -> set[str]:
    """Return the keys that no circuit has: they are noted already."""
    return written.keys() - CircuitRow.model_fields.keys()


def reached_by(catalog: Catalog, feature: Feature, route: Route) -> Iterator[tuple[str, str, Payer]]:
    """Yield what plans over a feature's route may ask of whom, on whose bill."""
    for hop in hops_of(route):
        for payer in PAYERS_OF[feature.row.payer]:
            direct = direct_equivalent(catalog, hop) if payer == "user" else None
            for found in (hop, direct):
                provider = catalog.providers.get(found.provider) if found else None
                if found and provider and not (payer == "user" and provider.keyless):
                    yield found.provider, found.model, payer


def _check_limits(run: Compilation, row: RateRow, path: Path) -> None:
    for index, limit in enumerate(row.limits):
        here = (*path, "limits", index)
        if fault := rate_fault(limit):
            run.problem(here, fault)
        elif limit in row.limits[:index]:
            run.idle(here, f"{limit!r} has no effect: it is written here twice")


def _check_use(run: Compilation, provider: Provider, row: RateRow, path: Path, reached: Reached) -> None:
    asked = {(model, payer) for name, model, payer in reached if name == provider.name}
    if provider.row.spare or not asked:
        return
    models = {model for model, _ in asked if any(fnmatchcase(model, pattern) for pattern in row.match)}
    if not models:
        known = ", ".join(sorted({repr(model) for model, _ in asked}))
        what = f"no route asks {provider.name!r} for such a model (they ask for {known})"
        run.idle(path, f"these limits have no effect: {what}")
    elif not any((model, row.payer) in asked for model in models):
        run.idle(path, f"these limits have no effect: such a model is never on the {row.payer}'s bill here")
