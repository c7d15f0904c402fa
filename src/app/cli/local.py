"""`pointsman local ...`: the embedded model by itself."""

from __future__ import annotations

import threading
from typing import Annotated

import typer


def commands() -> typer.Typer:
    """Return the commands about the embedded model."""
    group = typer.Typer(help="The embedded model, for other programs on this machine.")
    group.callback()(lambda: None)
    group.command("serve")(serve)
    return group


def serve(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port on 127.0.0.1; 0 takes any free one.")
    ] = 0,
) -> None:
    """Serve the embedded model over an OpenAI-compatible API until Ctrl-C."""
    from app.llm.local import MODEL_NAME, EmbeddedServer

    with EmbeddedServer(port=port) as server:
        typer.echo(server.base_url)
        typer.echo(f"serving {MODEL_NAME}; Ctrl-C ends it", err=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            typer.echo("stopping", err=True)
