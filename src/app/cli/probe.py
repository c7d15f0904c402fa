"""`pointsman byok probe`: whether a key works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.ending import JOB_FAILED
from app.cli.options import Catalog, CatalogMode, Json
from app.cli.printing import print_json
from app.cli.session import session_of

if TYPE_CHECKING:
    from app.llm.providers.probing import KeyReport


def probe(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(help="The provider that the key is for, such as openai.")],
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=600, help="Seconds to wait for the provider.")
    ] = 10.0,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Ask a provider whether a key works; it costs nothing, or one token.

    The key is asked for, or read from standard input: never an argument, where other users of this machine
    would see it. Ends with 0 only if the provider accepted the key.
    """
    with session_of(context).container(catalog=catalog, catalog_mode=catalog_mode) as container:
        service = container.llm_service()
        service.catalog.provider(provider)
        report = service.probe_key(provider, key_from_the_person(provider), timeout_s=timeout)
    show(report, as_json=as_json)


def show(report: KeyReport, *, as_json: bool) -> None:
    """Print what a provider said, and end with 1 if the key isn't known to work."""
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(str(report))
    if not report.works:
        raise typer.Exit(JOB_FAILED)


def key_from_the_person(provider: str) -> str:
    """Return the key that is typed unseen, or the first line of standard input."""
    if sys.stdin.isatty():
        typed: str = typer.prompt(f"Key for {provider}", hide_input=True)
        return typed
    return sys.stdin.readline()
