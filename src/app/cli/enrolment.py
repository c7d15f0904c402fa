"""`pointsman byok migrate | enrol | withdraw | list`: which keys of a user are taken."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.options import Json
from app.cli.printing import print_json, print_table
from app.cli.probe import key_from_the_person
from app.cli.session import session_of
from app.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.byok.endpoint import UserEndpoint

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id, as the product knows it.")]
Provider = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="A provider, or user_endpoint: an endpoint of their own.")
]
Url = Annotated[str | None, typer.Option("--url", help="With user_endpoint: its base URL.")]
Model = Annotated[str | None, typer.Option("--model", help="With user_endpoint: its model.")]
OFF = "users' keys needn't be enrolled here: POINTSMAN_BYOK_DATABASE_URL names no database"


def migrate(context: typer.Context) -> None:
    """Make the table of enrolled keys, or bring it to this version's form."""
    from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys

    with session_of(context).container() as container:
        store = container.enrolled_keys()
        if store is None:
            raise SettingsError(OFF)
        if not isinstance(store, SqlEnrolledKeys):
            raise SettingsError("the store of enrolled keys has no table that could be migrated")
        store.migrate()
    typer.echo("the table of enrolled keys is up to date")


def enrol(
    context: typer.Context, user: User, provider: Provider, url: Url = None, model: Model = None
) -> None:
    """Enrol a user's key, read from standard input or a prompt. Only its fingerprint is kept."""
    from app.llm.catalog.model import USER_ENDPOINT

    own = provider == USER_ENDPOINT
    if own != (url is not None) or own != (model is not None):
        raise typer.BadParameter(f"--url and --model belong to {USER_ENDPOINT}, both of them")
    with _policy(context) as policy:
        key = key_from_the_person(provider)
        if own:
            found = policy.enrol_endpoint(user, _endpoint(url, model, key))
        else:
            found = policy.enrol(user, provider, key)
    typer.echo(f"{user}'s key for {provider} is enrolled: {found.short}..., pepper {found.pepper}")


def withdraw(
    context: typer.Context,
    user: User,
    provider: Annotated[
        str | None, typer.Argument(metavar="[PROVIDER]", help="Only this provider's key; default: all.")
    ] = None,
) -> None:
    """Forget what a user enrolled."""
    with _policy(context) as policy:
        count = policy.withdraw(user, provider)
    typer.echo(f"{count} key{'' if count == 1 else 's'} of {user} withdrawn")


def list_enrolled(context: typer.Context, user: User, as_json: Json = False) -> None:
    """List for which providers a user has enrolled a key, with the beginnings of the fingerprints."""
    with _policy(context) as policy:
        found = sorted(policy.enrolled(user).items())
    if as_json:
        rows = [{"provider": name, "fingerprint": one.short, "pepper": one.pepper} for name, one in found]
        print_json({"user": user, "enrolled": rows})
        return
    cells = [(name, f"{one.short}...", one.pepper) for name, one in found]
    print_table(("provider", "fingerprint", "pepper"), cells, title=f"{len(cells)} enrolled by {user}")


@contextmanager
def _policy(context: typer.Context) -> Iterator[Any]:
    with session_of(context).container() as container:
        policy = container.enrolment()
        if policy is None:
            raise SettingsError(OFF)
        yield policy


def _endpoint(url: str | None, model: str | None, key: str) -> UserEndpoint:
    from app.llm.byok.endpoint import UserEndpoint

    return UserEndpoint(url or "", model or "", key)
