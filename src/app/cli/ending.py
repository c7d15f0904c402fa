"""How a command ends when it can't go on: a message on standard error, and the exit code that it deserves."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from app.errors import ConfigurationError, InputError, PointsmanError, ScopeError

JOB_FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


def exit_code(error: PointsmanError) -> int:
    """Return 2 for what the caller or an operator can mend beforehand, 1 for a job that failed."""
    mendable = isinstance(error, ConfigurationError | ScopeError | InputError)
    return WRONG_USAGE if mendable else JOB_FAILED


def complain(text: str) -> None:
    """Print a message on standard error."""
    typer.echo(f"pointsman: {text}", err=True)


class Commands(TyperGroup):
    """The root of all commands, where our errors become messages and exit codes."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # noqa: ANN401 - Typer's own signature
        try:
            return super().invoke(ctx)
        except PointsmanError as error:
            complain(str(error))
            raise typer.Exit(exit_code(error)) from error
