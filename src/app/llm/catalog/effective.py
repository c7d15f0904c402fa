"""The options that a hop is run with, and where each one comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.llm.catalog.model import REQUEST_TIMEOUT_S, Catalog, Feature, Provider, Route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.catalog.options import Options, OptionValue
    from app.llm.catalog.problems import Path


@dataclass(frozen=True, slots=True)
class EffectiveOption:
    """One option of a hop: its value, and the path where it is written (None: the default of every call)."""

    name: str
    value: OptionValue
    path: Path | None


def effective_options(catalog: Catalog, feature: Feature, route: Route) -> dict[str, EffectiveOption]:
    """Return what a route's hop is run with, by option name."""
    return options_at(catalog.providers[route.provider], feature, route)


def options_at(provider: Provider, feature: Feature, route: Route) -> dict[str, EffectiveOption]:
    """Return what a route's hop is run with at its provider, by option name.

    The later one wins: default < the provider's rows for such models < the feature's options for this
    provider < the route's own options.
    """
    options: dict[str, EffectiveOption] = {}
    for source, path in _sources(provider, feature, route):
        for name, value in source.given().items():
            options[name] = EffectiveOption(name, value, (*path, name))
    options.setdefault("timeout_s", EffectiveOption("timeout_s", REQUEST_TIMEOUT_S, None))
    return options


def _sources(provider: Provider, feature: Feature, route: Route) -> Iterator[tuple[Options, Path]]:
    for index, row in provider.model_rows(route.model):
        if not row.unless_needs & feature.row.needs:
            yield row.options, ("providers", provider.name, "models", index, "options")
    if options := feature.row.options.get(provider.name):
        yield options, ("features", feature.name, "options", provider.name)
    yield route.options, (*route.path, "options")


def direct_equivalent(catalog: Catalog, route: Route) -> Route | None:
    """Return the same model at its own vendor, if the route goes through a provider that resells it."""
    provider = catalog.providers.get(route.provider)
    vendor = provider.vendor(route.model) if provider else None
    if vendor is None or vendor.direct is None or vendor.direct not in catalog.providers:
        return None
    return replace(route, provider=vendor.direct, fallbacks=())


def hops_of(route: Route) -> tuple[Route, ...]:
    """Return the route itself and its fallbacks, in order."""
    return (route, *route.fallbacks)
