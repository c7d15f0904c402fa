"""What a catalog must keep beyond the shape of its rows: every line has an effect that can be honoured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.llm.catalog.check_failures import check_failures, check_overrides
from app.llm.catalog.check_features import check_budget
from app.llm.catalog.check_providers import check_providers
from app.llm.catalog.check_rates import check_rates, reached_by
from app.llm.catalog.effective import direct_equivalent, effective_options, hops_of
from app.llm.catalog.options import OPTION_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.errors import Payer
    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.model import Catalog, Feature, Provider, Route


def check(catalog: Catalog, run: Compilation) -> None:
    """Note every problem of a catalog whose rows could be read."""
    check_providers(catalog, run)
    check_failures(catalog, run)
    check_rates(catalog, run, set(_reached(catalog)))
    for name in catalog.pinned:
        run.unknown("feature", name, ("pinned", name))
    if catalog.default:
        _check_route(catalog, run, catalog.feature("any feature"), catalog.default)
    for feature, route in _written_routes(catalog):
        _check_route(catalog, run, feature, route)
    for feature in catalog.features.values():
        _check_feature(catalog, run, feature)
    _check_twins(catalog, run)


def _written_routes(catalog: Catalog) -> Iterator[tuple[Feature, Route]]:
    """Yield each feature with each of its distinct written routes."""
    for feature in catalog.features.values():
        seen = set()
        for route in routes_of(catalog, feature):
            if route.path not in seen:
                seen.add(route.path)
                yield feature, route


def _reached(catalog: Catalog) -> Iterator[tuple[str, str, Payer]]:
    if catalog.default:
        yield from reached_by(catalog, catalog.feature("any feature"), catalog.default)
    for feature, route in _written_routes(catalog):
        yield from reached_by(catalog, feature, route)


def routes_of(catalog: Catalog, feature: Feature) -> list[Route]:
    """Return every route that some profile (or the pin) gives to a feature."""
    if pinned := catalog.pinned.get(feature.name):
        return [pinned]
    tables = (profile.routes for profile in catalog.profiles.values())
    return [table[feature.name] for table in tables if feature.name in table]


def _check_route(catalog: Catalog, run: Compilation, feature: Feature, route: Route) -> None:
    targets: set[str] = set()
    for hop in hops_of(route):
        if hop.target in targets:
            run.problem(hop.path, f"this fallback repeats {hop.target!r}: name another (provider, model)")
        targets.add(hop.target)
        provider = catalog.providers.get(hop.provider)
        if provider is None:
            run.unknown("provider", hop.provider, (*hop.path, "provider"))
            continue
        _check_options(catalog, run, feature, hop, provider)
        _check_needs(run, feature, route, hop, provider)
        if direct := direct_equivalent(catalog, hop):
            _check_options(catalog, run, feature, direct, catalog.providers[direct.provider])


def _check_options(
    catalog: Catalog, run: Compilation, feature: Feature, hop: Route, provider: Provider
) -> None:
    protocol = run.honours.get(provider.row.protocol, dict.fromkeys(OPTION_NAMES))
    honoured = protocol.keys() - provider.cannot(hop.model)
    refuses = f"provider {provider.name!r} can't honour"
    for option in effective_options(catalog, feature, hop).values():
        if option.path is None:
            continue
        values = protocol.get(option.name)
        if option.name not in honoured:
            known = ", ".join(sorted(honoured))
            run.problem(option.path, f"{refuses} {option.name!r} for model {hop.model!r}: it honours {known}")
        elif values is not None and option.value not in values:
            known = ", ".join(map(repr, sorted(values, key=str)))
            run.problem(option.path, f"{refuses} {option.name} = {option.value!r}: it knows {known}")
    _check_repetitions(catalog, run, feature, hop)


def _check_repetitions(catalog: Catalog, run: Compilation, feature: Feature, hop: Route) -> None:
    """Options of a route that say what would hold without them."""
    for name, value in hop.options.given().items():
        bare = effective_options(catalog, feature, _without(hop, name)).get(name)
        if bare is not None and bare.value == value:
            source = catalog.place(*bare.path) if bare.path else "the default of every call"
            run.idle((*hop.path, "options", name), f"{name!r} has no effect: {source} says {value!r}")


def _without(hop: Route, option: str) -> Route:
    return replace(hop, options=hop.options.model_copy(update={option: None}))


def _check_needs(run: Compilation, feature: Feature, route: Route, hop: Route, provider: Provider) -> None:
    has = provider.supports(hop.model)
    if lacking := sorted(feature.row.needs - has):
        run.problem(
            hop.path,
            f"feature {feature.name!r} needs {', '.join(lacking)}, which {hop.target!r} does not support: "
            "route it elsewhere, or declare it unavailable in this profile with the reason",
        )
    if route.ask == "score" and "wide_logprobs" not in has:
        what = f"'score' needs wide_logprobs, which {hop.target!r} does not support"
        run.problem((*route.path, "ask"), what)


def _check_feature(catalog: Catalog, run: Compilation, feature: Feature) -> None:
    row, path, routes = feature.row, ("features", feature.name), routes_of(catalog, feature)
    check_budget(catalog, run, feature, routes)
    check_overrides(catalog, run, feature, leads_on=any(route.fallbacks for route in routes))
    if row.on_user_key_failure == "platform" and row.payer != "user_or_platform":
        run.idle(
            (*path, "on_user_key_failure"), f"has no effect: the payer of {feature.name!r} is {row.payer!r}"
        )
    reached = _providers_reached(catalog, feature)
    for name, options in row.options.items():
        here = (*path, "options", name)
        run.unknown("provider", name, here)
        if name in catalog.providers and name not in reached:
            run.idle(
                here,
                f"these options have no effect: no route of {feature.name!r} goes through {name!r} "
                f"(it goes through {', '.join(sorted(reached)) or 'none'})",
            )
        if not options.given():
            run.problem(here, f"the options of {feature.name!r} for {name!r} are empty")


def _providers_reached(catalog: Catalog, feature: Feature) -> set[str]:
    hops = [hop for route in routes_of(catalog, feature) for hop in hops_of(route)]
    direct = [found.provider for hop in hops if (found := direct_equivalent(catalog, hop))]
    return {hop.provider for hop in hops} | set(direct)


def _check_twins(catalog: Catalog, run: Compilation) -> None:
    """Two profiles that are written out and say the same."""
    written = [profile for profile in catalog.profiles.values() if profile.row.routes]
    for position, second in enumerate(written):
        for first in written[:position]:
            if (first.routes, first.unavailable) == (second.routes, second.unavailable):
                run.idle(
                    ("profiles", second.name),
                    f"profile {second.name!r} is written out identically to {first.name!r}: "
                    f'say extends = "{first.name}" instead',
                )
