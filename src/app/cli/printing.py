"""What commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

UNLIMITED_WIDTH = 250
"""Columns where nobody looks at a screen: a row that is piped somewhere stays one line."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that takes texts as they are; without a terminal it is wide and has no colours."""
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False, markup=False)
    if found.is_terminal:
        return found
    return Console(stderr=stderr, highlight=False, markup=False, width=UNLIMITED_WIDTH)


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print a value as JSON on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Print a table on standard output. Texts are shown as they are, without markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if title:
        typer.echo(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
