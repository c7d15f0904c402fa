"""`pointsman drill`: what a bad day looks like, before it comes."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.ending import INTERRUPTED, JOB_FAILED, complain
from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.printing import console, print_json, print_table
from app.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.drills.drilling import Drill
    from app.testing.drills.report import Cell, DrillReport

COLUMNS = ("fault", "where", "outcome", "served by", "payer", "attempts", "ms", "micro-USD")


def drill(
    context: typer.Context,
    features: Annotated[
        list[str] | None,
        typer.Option("--feature", "-f", metavar="NAME", help="Play this feature only. Repeatable."),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", metavar="FILE", help="A TOML file that says what goes wrong."),
    ] = None,
    user_keys: Annotated[
        list[str] | None,
        typer.Option("--user-key", metavar="PROVIDER", help="As a user who sent a key for it. Repeatable."),
    ] = None,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Play faults to every feature's plan, and show what comes of each: answer, payer, attempts, time, money.

    The calls are real; the providers are a server on this machine that fails as they do, and the keys are
    made up: nothing leaves this machine, and nothing is paid. Ends with 1 if a policy is broken. The time is
    that of a clock that runs fast while everybody waits.
    """
    from app.testing.drills.drilling import Drill
    from app.testing.drills.reading import BUILT_IN, read_scenario
    from app.testing.drills.subjects import subject_of

    played = read_scenario(scenario or BUILT_IN)
    if user_keys:
        played = played.as_user(user_keys)
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        run = Drill(subject_of(container), played, features)
    interrupted = not watched(run)
    show(run.report, as_json=as_json)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if run.report.broken:
        raise typer.Exit(JOB_FAILED)


def watched(run: Drill) -> bool:
    """Play a drill, under a progress bar where somebody looks; False: it was interrupted."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    shown = console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with quiet(), Progress(*columns, console=shown, disable=not shown.is_terminal) as bar:
        task = bar.add_task("drill", total=len(run.turns))
        try:
            if not shown.is_terminal:
                complain(f"playing {len(run.turns)} calls")
            for _ in run.run():
                bar.advance(task)
        except KeyboardInterrupt:
            complain(f"interrupted after {len(run.report.cells)} of {len(run.turns)} calls")
            return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what SDKs log about each fault off the screen, unless somebody has asked for it."""
    silent = logging.NullHandler()
    logging.getLogger().addHandler(silent)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(silent)


def show(report: DrillReport, *, as_json: bool) -> None:
    """Print what a drill has shown: a table for each group of features, and what was broken."""
    if as_json:
        print_json(report.to_dict())
        return
    for title, cells in _grouped(report.cells):
        print_table(COLUMNS, [_cells(cell) for cell in cells], title=title)
    for one in report.unplayed:
        typer.echo(f"not played: {one.feature}, called by {one.caller}: {one.reason}")
    typer.echo(str(report))


def _grouped(cells: list[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """Yield the cells of each group of features under their title."""
    from itertools import groupby

    for (features, caller, plan), found in groupby(
        cells, lambda cell: (cell.features, cell.caller, cell.plan)
    ):
        yield f"{', '.join(features)}\n  called by {caller}: {plan}", list(found)


def _cells(cell: Cell) -> tuple[str, ...]:
    outcome = f"{cell.outcome}, BROKEN: {'; '.join(cell.broken)}" if cell.broken else cell.outcome
    money: Any = cell.money if cell.money is not None else "-"
    return (
        cell.fault,
        cell.where,
        outcome,
        cell.served_by or "-",
        cell.payer or "-",
        str(cell.attempts),
        f"{cell.ms:,}",
        f"{money:,}" if isinstance(money, int) else money,
    )
