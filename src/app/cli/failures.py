"""`pointsman routes failures`: what plans do after each class of failure, by who pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import Catalog, CatalogMode, Json
from app.cli.printing import print_json, print_table
from app.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.errors import Payer
    from app.llm.catalog.failure_table import FailureTable, Rule
    from app.llm.catalog.model import Catalog as CompiledCatalog
    from app.llm.catalog.model import Feature

FeatureName = Annotated[
    str | None,
    typer.Option("--feature", "-f", metavar="NAME", help="What holds for this feature, overrides included."),
]
IN_MEMORY = "a catalog in memory"
COLUMNS = ("failure", "platform pays", "user pays", "written at", "instead of")
CROSSING = "after auth, permission or quota of a user's key the platform's hops follow"
LEGEND = (
    "retry: the same hop again while attempts and time are left, then as next",
    "next: the next hop on the same payer's bill, else the error",
    "larger: the next such hop with a larger context window, else the error",
    "raise: the error at once",
)


def print_failures(
    context: typer.Context,
    feature: FeatureName = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Print what plans do after each class of failure, by who pays, and where that is written."""
    with session_of(context).container(catalog=catalog, catalog_mode=catalog_mode) as container:
        compiled: CompiledCatalog = container.profile_repository().catalog()
    asked = compiled.feature(feature) if feature is not None else None
    rows = _rows(compiled.action_table(asked) if asked else compiled.failures, asked)
    notes = _notes_of(compiled, asked) if asked else _notes(compiled)
    if as_json:
        record = {
            failure_class: {p: _plain(r) for p, r in row.items()} for failure_class, row in rows.items()
        }
        print_json({"feature": feature, "failures": record, "notes": notes})
        return
    title = f"what plans of {asked.name} do after a failure" if asked else "what plans do after a failure"
    cells = [_cells(failure_class, row) for failure_class, row in rows.items()]
    shown = len(COLUMNS) if any(row[-1] for row in cells) else len(COLUMNS) - 1
    print_table(COLUMNS[:shown], [row[:shown] for row in cells], title=title)
    typer.echo("\n".join([*LEGEND, "", *notes]))


def _rows(table: FailureTable, feature: Feature | None) -> dict[str, dict[Payer, Rule | None]]:
    """Return the rules by failure class and payer; None: this payer never pays for the feature."""
    from app.llm.catalog.failure_table import FAILURE_CLASSES, PAYERS, PAYERS_OF

    paying = PAYERS_OF[feature.row.payer] if feature else PAYERS
    return {
        failure_class: {
            payer: table.rules[failure_class, payer] if payer in paying else None for payer in PAYERS
        }
        for failure_class in FAILURE_CLASSES
    }


def _plain(rule: Rule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {"action": rule.action, "written_at": _place(rule), "instead_of": _plain(rule.replaces)}


def _cells(failure_class: str, row: Mapping[Payer, Rule | None]) -> tuple[str, ...]:
    actions = [rule.action if rule else "never pays" for rule in row.values()]
    written = {payer: _place(rule) for payer, rule in row.items() if rule}
    replaced = {payer: rule.replaces for payer, rule in row.items() if rule and rule.replaces}
    instead = {payer: f"{rule.action} ({_place(rule)})" for payer, rule in replaced.items()}
    return failure_class, *actions, _one(written, len(written)), _one(instead, len(written))


def _one(texts: Mapping[Payer, str], payers: int) -> str:
    """Return the text that holds for all of so many payers, or each with its payer."""
    if len(texts) == payers and len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{payer}: {text}" for payer, text in texts.items())


def _place(rule: Rule) -> str:
    return str(rule.place or IN_MEMORY)


def _notes_of(catalog: CompiledCatalog, feature: Feature) -> list[str]:
    """Say what this feature's plans do where the table ends: at the payer's bill, and at the last hop."""
    row, notes = feature.row, []
    if row.payer == "platform_only":
        notes.append("across payers: never; only the platform pays for this feature")
    elif row.payer == "user_only":
        notes.append("across payers: never; only users pay for this feature")
    elif row.on_user_key_failure == "raise":
        notes.append('across payers: never; on_user_key_failure = "raise"')
    else:
        place = catalog.place("features", feature.name, "on_user_key_failure") or IN_MEMORY
        notes.append(f'across payers: {CROSSING}; on_user_key_failure = "platform" at {place}')
    if row.last_resort is not None:
        notes.append(f"when all of it failed: {row.last_resort} answers without a model")
    return notes


def _notes(catalog: CompiledCatalog) -> list[str]:
    """Say which features differ from the catalog's table, and which go on across payers."""
    crossing = _names(one for one in catalog.features.values() if one.row.on_user_key_failure == "platform")
    differing = _names(one for one in catalog.features.values() if one.row.failures)
    return [
        f'across payers: {CROSSING}, where on_user_key_failure = "platform": {crossing}',
        f"features with rules of their own (--feature NAME shows them): {differing}",
    ]


def _names(features: Iterable[Feature]) -> str:
    return ", ".join(sorted(feature.name for feature in features)) or "none"
