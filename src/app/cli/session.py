"""One run of the command line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.settings import Settings


def whole_container(settings: Settings) -> Any:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Return the container as it is shipped, with these settings."""
    from app.containers import Container

    return Container(settings=settings)


class Session:
    """What the options of one run say, and the container that is made of them.

    `make` makes the container from settings: a test gives one with parts replaced.
    """

    def __init__(self, make: Callable[[Settings], Any] = whole_container) -> None:
        self._make = make
        self._chosen: dict[str, Any] = {}

    def choose(self, **options: object) -> None:
        """Note what options say (None: nothing); what is said later, nearer to the command, wins."""
        self._chosen |= {name: value for name, value in options.items() if value is not None}

    @contextmanager
    def container(self, **options: object) -> Iterator[Any]:
        """Yield the container of the settings and all options, and close it at the end.

        :raises SettingsError: a setting has a value that makes no sense.
        """
        from app.containers import running
        from app.settings import Settings

        self.choose(**options)
        chosen = {"model_qos" if name == "profile" else name: value for name, value in self._chosen.items()}
        with running(self._make(Settings(**chosen))) as container:
            yield container


def session_of(context: typer.Context) -> Session:
    """Return the session that a command runs in."""
    return context.ensure_object(Session)
