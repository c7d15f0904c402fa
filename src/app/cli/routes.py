"""`pointsman routes ...`: where features go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.ending import WRONG_USAGE
from app.cli.failures import print_failures
from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.printing import print_json, print_table
from app.cli.session import session_of
from app.errors import CatalogError, FeatureUnavailable

if TYPE_CHECKING:
    from app.llm.catalog.model import Catalog as CompiledCatalog

UserKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--user-key", metavar="PROVIDER", help="Pretend that the user sent a key for it. Repeatable."
    ),
]
PRETENDED_KEY = "pretended"


def commands() -> typer.Typer:
    """Return the commands about routes."""
    group = typer.Typer(no_args_is_help=True, help="Where features go, and why.")
    group.command("list")(list_routes)
    group.command("explain")(explain_route)
    group.command("check")(check_routes)
    group.command("failures")(print_failures)
    return group


def list_routes(
    context: typer.Context,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """List every feature with the platform's route in the active profile."""
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        service = container.llm_service()
        rows = [_row(service.catalog, service.profile, name) for name in sorted(service.catalog.features)]
        if as_json:
            print_json({"profile": service.profile, "features": rows})
        else:
            _print_rows(service.profile, rows)


def explain_route(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(help="The feature's name, such as conv_folder.")],
    user_keys: UserKeys = None,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Explain where a call would go, who would pay, and why it doesn't go elsewhere. Asks nobody."""
    from app.llm.byok.scope import RequestScope

    scope = RequestScope(keys=dict.fromkeys(user_keys, PRETENDED_KEY)) if user_keys else None
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        explanation = container.llm_service().explain(feature, scope)
    if as_json:
        print_json(explanation.to_dict())
    else:
        typer.echo(str(explanation))
    if explanation.error is not None:
        raise typer.Exit(WRONG_USAGE)


def check_routes(
    context: typer.Context,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Check the whole catalog, and print every problem with its place: file, line, and what is wrong."""
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        try:
            service = container.llm_service()
        except CatalogError as error:
            _print_problems(error, as_json=as_json)
            raise typer.Exit(WRONG_USAGE) from error
        _print_summary(service.catalog, service.profile, as_json=as_json)


def _row(catalog: CompiledCatalog, profile: str, feature: str) -> dict[str, Any]:
    row: dict[str, Any] = {"feature": feature, "about": catalog.feature(feature).row.about}
    row["payer"] = catalog.feature(feature).row.payer
    row["pinned"] = feature in catalog.pinned
    try:
        route = catalog.route(feature, profile)
    except FeatureUnavailable as error:
        return row | {"unavailable": error.reason}
    fallbacks = [{"provider": hop.provider, "model": hop.model} for hop in route.fallbacks]
    return row | {
        "provider": route.provider,
        "model": route.model,
        "ask": route.ask,
        "fallbacks": fallbacks,
    }


def _print_rows(profile: str, rows: list[dict[str, Any]]) -> None:
    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        if "unavailable" in row:
            return row["feature"], "unavailable", row["unavailable"], row["payer"], ""
        then = [f"then {hop['model']}:{hop['provider']}" for hop in row["fallbacks"]]
        notes = ["pinned"] * row["pinned"] + (["scored"] if row["ask"] == "score" else []) + then
        return row["feature"], row["provider"], row["model"], row["payer"], ", ".join(notes)

    columns = ("feature", "provider", "model", "payer", "")
    print_table(columns, [cells(row) for row in rows], title=f"{len(rows)} features in profile {profile}")


def _print_problems(error: CatalogError, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": False, "problems": list(error.problems)})
        return
    typer.echo("\n".join(error.problems))


def _print_summary(catalog: CompiledCatalog, profile: str, *, as_json: bool) -> None:
    names = {"features": sorted(catalog.features), "profiles": catalog.selectable}
    names["providers"] = sorted(catalog.providers)
    if as_json:
        print_json({"ok": True, "profile": profile, **names})
        return
    counts = ", ".join(f"{len(found)} {noun}" for noun, found in names.items())
    typer.echo(f"fine: {counts}; active profile {profile}, of {', '.join(catalog.selectable)}")
