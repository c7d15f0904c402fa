"""`pointsman folders ...`: filing conversations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.session import session_of

Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", dir_okay=False, help="Where results go. [default: FILE.assigned.jsonl]"),
]


def commands() -> typer.Typer:
    """Return the commands about folders."""
    group = typer.Typer(help="Filing conversations into their users' folders.")
    group.callback()(lambda: None)
    group.command("assign")(assign)
    return group


def assign(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.jsonl", exists=True, dir_okay=False, help="Conversations, one a line; may be .gz."
        ),
    ],
    out: Out = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="File only the first so many conversations.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="So many at once.")] = 4,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the file of results ends.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, over old results.")] = False,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """File conversations into folders: a result a line as it is there, and a table at the end.

    Each line is an object with `id`, `user_folders` and `conversation`; with `expected_folder_id`, the table
    shows how many are right. Ctrl-C keeps everything that was finished, and --resume goes on from there.
    """
    if resume and overwrite:
        raise typer.BadParameter("go on or begin anew, not both", param_hint="--resume/--overwrite")
    from app.cli.filing.job import Files, FilingJob, results_path

    files = Files(file, out or results_path(file), resume=resume, overwrite=overwrite)
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        job = FilingJob(container, files)
        job.run(limit=limit, concurrency=concurrency)
    job.report(as_json=as_json)
    raise typer.Exit(job.exit_code)
