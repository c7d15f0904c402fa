"""The command line: `pointsman ...`, one file a noun. Importing it loads no model library."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import byok, chat, drill, folders, local, providers, routes
from app.cli.ending import Commands
from app.cli.logs import show_logs
from app.cli.options import Catalog, CatalogMode, Profile
from app.cli.session import Session

EPILOG = "Exit codes: 0 fine, 1 the job failed, 2 wrong usage or configuration, 130 interrupted."


def main() -> None:
    """Run the command line with this process's arguments."""
    application()(obj=Session())


def application() -> typer.Typer:
    """Return the command line. Its context object is a Session: `application()(obj=Session(...))`."""
    app = typer.Typer(
        name="pointsman",
        cls=Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        epilog=EPILOG,
    )
    app.callback()(everywhere)
    app.add_typer(routes.commands(), name="routes")
    app.add_typer(providers.commands(), name="providers")
    app.add_typer(folders.commands(), name="folders")
    app.add_typer(byok.commands(), name="byok")
    app.add_typer(local.commands(), name="local")
    app.command("chat")(chat.chat)
    app.command("drill")(drill.drill)
    return app


def version(wanted: bool) -> None:
    """Print the installed version and end."""
    from importlib.metadata import version as installed

    if wanted:
        typer.echo(f"pointsman {installed('pointsman')}")
        raise typer.Exit


def everywhere(
    context: typer.Context,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show on standard error what the layer logs.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every feature takes its own route to a language model."""
    context.ensure_object(Session).choose(profile=profile, catalog=catalog, catalog_mode=catalog_mode)
    context.call_on_close(show_logs(verbose=verbose))
