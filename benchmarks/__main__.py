"""`python -m benchmarks [--json] [PART...]`: prints each figure beside its reference and its aim."""

from __future__ import annotations

import argparse
import json
import logging
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks import calling, guarding, handing_out, many_users, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.measuring import Row

PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "starting": starting.rows,
    "handing_out": handing_out.rows,
    "calling": calling.rows,
    "guarding": guarding.rows,
    "many_users": many_users.rows,
}


def main() -> None:
    """Run the parts that were asked for (default: all) and print what they measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    logging.disable(logging.INFO)
    rows = (row for name in asked.parts or PARTS for row in PARTS[name]())
    if asked.json:
        for row in rows:
            print(json.dumps(as_object(row)), flush=True)
    else:
        show(rows)


def as_object(row: Row) -> dict[str, object]:
    """Return a row for machines."""
    return {
        "name": row.name,
        "measured": round(row.measured, 3),
        "reference": round(row.reference, 3),
        "unit": row.unit,
        "reference_name": row.reference_name,
        "ratio": round(row.ratio, 4),
        "aim": row.aim,
        "aim_is_for": "ratio" if row.aim_is_for_ratio else row.unit,
        "met": row.met,
    }


def show(rows: Iterable[Row]) -> None:
    """Print the table for people, once everything is measured."""
    table = Table(title="CPU time of this process, where nothing else is said (lower is better)")
    for column in ("what", "measured", "reference", "of", "ratio", "aim", ""):
        table.add_column(column, justify="left" if column in {"what", "of", ""} else "right")
    console = Console()
    with console.status("measuring") as status:
        for row in rows:
            status.update(f"measured: {row.name}")
            table.add_row(*cells(row))
    console.print(table)


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells."""
    aim = "" if row.aim is None else f"{row.aim:g}" + ("" if row.aim_is_for_ratio else f" {row.unit}")
    verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[row.met]
    digits = 1 if row.measured < 100 else 0  # noqa: PLR2004 - three figures are enough to read
    return (
        row.name,
        f"{row.measured:.{digits}f} {row.unit}",
        f"{row.reference:.0f} {row.unit}",
        row.reference_name,
        f"{row.ratio:.3f}",
        aim,
        verdict,
    )


if __name__ == "__main__":
    main()
