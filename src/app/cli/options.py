"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Profile = Annotated[
    str | None,
    typer.Option("--profile", "-p", metavar="NAME", help="The active profile, instead of MODEL_QOS."),
]
Catalog = Annotated[
    Path | None,
    typer.Option("--catalog", metavar="DIR", help="A directory of TOML files: a catalog of your own."),
]
CatalogMode = Annotated[
    Literal["overlay", "replace"] | None,
    typer.Option("--catalog-mode", help="Lay that catalog over the shipped one, or use it instead."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
