"""Endpoints that are started on first use, in this process."""

from __future__ import annotations

import threading
from pkgutil import resolve_name
from typing import Protocol

from app.errors import ResourceClosed


class Launcher(Protocol):
    """Something that starts an endpoint: made without arguments, named `package.module:Class` in a row."""

    def start(self) -> str:
        """Start the endpoint if it isn't running; return its base URL."""
        ...

    def close(self) -> None:
        """Stop it."""
        ...


class Launchers:
    """The endpoints that this container has started, each once, shared by all callers, stopped with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[str, Launcher] = {}
        self._urls: dict[str, str] = {}
        self._closed = False

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
                launcher: Launcher = resolve_name(launch)()
                self._urls[launch] = launcher.start()
                self._started[launch] = launcher
            return self._urls[launch]

    def close(self) -> None:
        """Stop everything that was started."""
        with self._lock:
            self._closed = True
            started, self._started = self._started, {}
            self._urls = {}
        for launcher in started.values():
            launcher.close()
