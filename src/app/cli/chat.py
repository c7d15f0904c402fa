"""`pointsman chat`: one message to a feature's model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import Catalog, CatalogMode, Json, Profile
from app.cli.printing import print_json
from app.cli.session import session_of

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel


def chat(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(help="The feature's name, such as chat_responses.")],
    prompt: Annotated[
        str | None, typer.Argument(help="What to say; read from standard input if absent.")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer while it comes.")] = False,
    profile: Profile = None,
    catalog: Catalog = None,
    catalog_mode: CatalogMode = None,
    as_json: Json = False,
) -> None:
    """Ask the model of a feature. With --json: the text, its usage, and which route answered."""
    chosen = {"profile": profile, "catalog": catalog, "catalog_mode": catalog_mode}
    with session_of(context).container(**chosen) as container:
        model = container.llm_service().get_llm(feature)
        said = _said(prompt)
        if stream:
            _print_stream(model, said, as_json=as_json)
        else:
            _print_answer(model.invoke(said), as_json=as_json)


def _said(prompt: str | None) -> str:
    if prompt is None:
        if sys.stdin.isatty():
            typer.echo("Your message, then Ctrl-D:", err=True)
        prompt = sys.stdin.read()
    if not prompt.strip():
        raise typer.BadParameter("there is nothing to ask", param_hint="PROMPT")
    return prompt


def _print_answer(message: Any, *, as_json: bool) -> None:  # noqa: ANN401 - an AIMessage
    if as_json:
        print_json({"text": str(message.text), **_record(message)})
    else:
        typer.echo(str(message.text))


def _print_stream(model: BaseChatModel, said: str, *, as_json: bool) -> None:
    """Print pieces as they come, flushed; as JSON a line a piece, and at the end one with the record."""
    import json

    whole: Any = None
    for piece in model.stream(said):
        whole = piece if whole is None else whole + piece
        if piece.text:
            shown = json.dumps({"text": str(piece.text)}, ensure_ascii=False) + "\n"
            typer.echo(shown if as_json else str(piece.text), nl=False)
            sys.stdout.flush()
    if as_json:
        typer.echo(json.dumps(_record(whole), ensure_ascii=False))
    else:
        typer.echo()


def _record(message: Any) -> dict[str, Any]:  # noqa: ANN401 - an AIMessage
    return {"usage": message.usage_metadata, "pointsman": message.response_metadata.get("pointsman")}
