"""Checks of a feature's budget: time limits, attempts, hedging, and what answers when all of it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import nearest
from app.llm.catalog.effective import hops_of
from app.llm.catalog.model import CHUNK_S, CONNECT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.model import Catalog, Feature, Route
    from app.llm.catalog.problems import Path


def check_budget(catalog: Catalog, run: Compilation, feature: Feature, routes: Sequence[Route]) -> None:
    """Note what of a feature's budget has no effect, or can't be. `routes` are all that it may take."""
    path: Path = ("features", feature.name)
    _check_times(catalog, run, feature, path)
    _check_reach(catalog, run, feature, routes)
    _check_hedge(run, feature, path, leads_on=any(route.fallbacks for route in routes))
    _check_last_resort(run, feature, path)


def _check_times(catalog: Catalog, run: Compilation, feature: Feature, path: Path) -> None:
    row = feature.row
    times = {"connect_s": row.connect_s, "first_token_s": row.first_token_s, "chunk_s": row.chunk_s}
    defaults = {"connect_s": CONNECT_S, "chunk_s": CHUNK_S}
    for name, seconds in times.items():
        if seconds is None:
            continue
        if row.deadline_s is not None and seconds >= row.deadline_s:
            place = catalog.place(*path, "deadline_s")
            ends = f"the whole call ends after {row.deadline_s:g} s" + (f" ({place})" if place else "")
            run.idle((*path, name), f"{name} = {seconds:g} has no effect: {ends}")
        elif seconds == defaults.get(name):
            run.idle((*path, name), f"{name} has no effect: the default of every call says {seconds:g}")


def _check_reach(catalog: Catalog, run: Compilation, feature: Feature, routes: Sequence[Route]) -> None:
    """Fallbacks that the attempts never reach: hops before them are passed by none but an attempt."""
    attempts = feature.row.attempts
    for route in routes if attempts else ():
        spent = 0
        for hop in hops_of(route):
            # A route that other features take as well (`every`) may be of use to those.
            if spent == attempts and hop.path[2:3] != ("every",):
                what = f"attempts = {attempts} ({catalog.place('features', feature.name, 'attempts')})"
                run.idle(
                    hop.path, f"this fallback of {feature.name!r} has no effect: {what} never gets there"
                )
                break
            spent += not _can_be_passed(catalog, hop)


def _can_be_passed(catalog: Catalog, hop: Route) -> bool:
    """Whether a plan may go past a hop without an attempt: at an open circuit, or a full rate limit."""
    provider = catalog.providers.get(hop.provider)
    if provider is None or provider.row.circuit != "off":
        return True
    return bool(provider.rates(hop.model, "platform") or provider.rates(hop.model, "user"))


def _check_hedge(run: Compilation, feature: Feature, path: Path, *, leads_on: bool) -> None:
    hedge, payer, here = feature.row.hedge, feature.row.payer, (*path, "hedge")
    if hedge is None:
        return
    if not leads_on:
        run.idle(
            here, f"has no effect: no route of {feature.name!r} has a fallback to start beside its first hop"
        )
    elif feature.row.attempts == 1:
        run.idle(here, f"has no effect: attempts = 1 leaves {feature.name!r} no second request")
    elif payer == "user_only" and not hedge.on_user_key:
        run.idle(here, f"has no effect: only users pay for {feature.name!r}, and on_user_key isn't true")
    if hedge.on_user_key and payer == "platform_only":
        run.idle((*here, "on_user_key"), f"has no effect: the payer of {feature.name!r} is {payer!r}")


def _check_last_resort(run: Compilation, feature: Feature, path: Path) -> None:
    name = feature.row.last_resort
    if name is None or run.last_resorts is None:
        return
    known = run.last_resorts.get(feature.name, ())
    if not known:
        run.problem((*path, "last_resort"), f"feature {feature.name!r} can do nothing without a model")
    elif name not in known:
        names = ", ".join(map(repr, sorted(known)))
        what = (
            f"unknown last resort {name!r} of {feature.name!r}{nearest(name, known) or f': it has {names}'}"
        )
        run.problem((*path, "last_resort"), what)
