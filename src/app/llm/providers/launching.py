"""Endpoints that are started on first use, in this process."""

from __future__ import annotations

import threading
from pkgutil import resolve_name
from typing import Protocol

from app.errors import ResourceClosed
from app.llm.forks import renew_in_children


class Launcher(Protocol):
    """Something that starts an endpoint: made without arguments, named `package.module:Class` in a row.

    A forked child starts what it needs itself, through the launcher that it inherited, and closes only that.
    """

    def start(self) -> str:
        """Start the endpoint if it isn't running; return its base URL. Raises what says why it can't."""
        ...

    def close(self) -> None:
        """Stop it."""
        ...


class Launchers:
    """The endpoints that this container has started, each once, shared by all callers, stopped with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._launchers: dict[str, Launcher] = {}
        self._urls: dict[str, str] = {}
        self._closed = False
        renew_in_children(self)

    def url(self, launch: str) -> str:
        """Return the base URL of the endpoint that `launch` names; the first caller starts it, others wait.

        :raises ResourceClosed: the container was closed.
        """
        return self._urls.get(launch) or self._start(launch)

    def _start(self, launch: str) -> str:
        with self._lock:
            if self._closed:
                raise ResourceClosed(f"{launch} can't be started: its container was closed")
            if launch not in self._urls:
                if launch not in self._launchers:
                    self._launchers[launch] = resolve_name(launch)()
                self._urls[launch] = self._launchers[launch].start()
            return self._urls[launch]

    def close(self) -> None:
        """Stop everything that was started."""
        with self._lock:
            self._closed = True
            started, self._urls = self._urls, {}
        for launch in started:
            self._launchers[launch].close()

    def renew(self) -> None:
        """In a forked child, forget where the parent's endpoints are: they end with the parent."""
        self._lock = threading.Lock()
        self._urls = {}
