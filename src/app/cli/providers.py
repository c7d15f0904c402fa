"""`pointsman providers ...`: who can be reached, and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.printing import print_json, print_table
from app.cli.session import session_of
from app.errors import FeatureUnavailable

if TYPE_CHECKING:
    from app.llm.catalog.model import Catalog as CompiledCatalog
    from app.llm.catalog.model import Provider, Route


def commands() -> typer.Typer:
    """Return the commands about providers."""
    group = typer.Typer(help="Who can be reached, and with which key.")
    group.callback()(lambda: None)
    group.command("list")(list_providers)
    return group


def list_providers(
    context: typer.Context,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """List every provider: protocol, base URL, key variable, whether it is set, and who depends on it."""
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        service = container.llm_service()
        rows = [
            _row(container, provider, _dependents(service.catalog, service.profile, name))
            for name, provider in sorted(service.catalog.providers.items())
        ]
        if as_json:
            print_json({"profile": service.profile, "providers": rows})
            return
        columns = ("provider", "protocol", "base URL", "key variable", "set", "features")
        title = f"{len(rows)} providers; features of profile {service.profile}"
        print_table(columns, [_cells(row) for row in rows], title=title)


def _row(container: Any, provider: Provider, features: list[str]) -> dict[str, Any]:  # noqa: ANN401 - a DynamicContainer
    registry, settings = container.provider_registry(), container.settings()
    spec = registry.spec(provider, "any model", "platform", ())
    credential = registry.reference(provider, spec)
    variable = credential.variable
    return {
        "provider": provider.name,
        "about": provider.row.about,
        "protocol": provider.row.protocol,
        "base_url": spec.base_url or None,
        "launch": spec.launch,
        "credential": credential.source,
        "key_variable": variable,
        "key_is_set": settings.variable(variable) is not None if variable else None,
        "features": features,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    started = "started on first use" if row["launch"] else f"{row['provider'].upper()}_BASE_URL isn't set"
    known = {True: "yes", False: "no", None: "-"}[row["key_is_set"]]
    features = ", ".join(row["features"]) or "-"
    key = row["key_variable"] or row["credential"]
    return row["provider"], row["protocol"], row["base_url"] or started, key, known, features


def _dependents(catalog: CompiledCatalog, profile: str, provider: str) -> list[str]:
    """Return the features whose platform route goes through a provider, at first or as a fallback."""
    return [
        feature
        for feature in sorted(catalog.features)
        if provider in {route.provider for route in _routes(catalog, profile, feature)}
    ]


def _routes(catalog: CompiledCatalog, profile: str, feature: str) -> tuple[Route, ...]:
    try:
        route = catalog.route(feature, profile)
    except FeatureUnavailable:
        return ()
    return (route, *route.fallbacks)
