"""`pointsman byok coverage`: what a user's keys would be good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.printing import print_json, print_table
from app.cli.session import session_of

if TYPE_CHECKING:
    from app.llm.coverage import CoveredFeature

Keys = Annotated[
    str,
    typer.Option(
        "--keys",
        metavar="PROVIDER,...",
        help="Pretend that a user sent keys for these. No real key is needed.",
    ),
]
PRETENDED_KEY = "pretended"


def coverage(
    context: typer.Context,
    keys: Keys,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """List for every feature whether it would run on such a user's keys, fall to the platform, or stop."""
    from app.llm.byok.scope import RequestScope

    names = [name.strip() for name in keys.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter("name at least one provider", param_hint="--keys")
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        found = container.llm_service().byok_coverage(RequestScope(keys=dict.fromkeys(names, PRETENDED_KEY)))
    if as_json:
        print_json(found.to_dict())
    else:
        columns = ("feature", "paid by", "provider", "model", "")
        print_table(columns, [_cells(one) for one in found.features], title=found.summary)


def _cells(one: CoveredFeature) -> tuple[str, ...]:
    if one.outcome == "stops":
        return one.feature, "stops", "-", "-", one.reason or ""
    why = [one.label or "", *([one.reason] if one.reason else [])]
    if one.if_key_fails == "platform":
        why.append("the platform's route is planned if the user's key fails")
    return one.feature, one.outcome, one.provider or "", one.model or "", ": ".join(why)
