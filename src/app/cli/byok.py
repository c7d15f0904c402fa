"""`pointsman byok ...`: keys that users bring."""

from __future__ import annotations

import typer

from app.cli.coverage import coverage
from app.cli.enrolment import enrol, list_enrolled, migrate, withdraw
from app.cli.probe import probe


def commands() -> typer.Typer:
    """Return the commands about users' keys."""
    group = typer.Typer(no_args_is_help=True, help="Keys that users bring: what they are good for.")
    group.callback()(lambda: None)
    group.command("migrate")(migrate)
    group.command("enrol")(enrol)
    group.command("withdraw")(withdraw)
    group.command("list")(list_enrolled)
    group.command("coverage")(coverage)
    group.command("probe")(probe)
    return group
