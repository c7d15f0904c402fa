"""The servers that play the providers: each in the mood that a test gives it, with cookies to hand out."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tests.servers.models import any_model
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

Mood = Literal["fine", "cookie", "echo", "redirect", "broken off", "401", "402", "403", "404", "429", "500"]
MOODS: tuple[Mood, ...] = (
    "fine",
    "cookie",
    "echo",
    "redirect",
    "broken off",
    "401",
    "402",
    "403",
    "404",
    "429",
    "500",
)
COOKIE = "cookie-canary"


class ProviderServers:
    """Servers by name, what each has seen, and the mood in which each one answers."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.servers: dict[str, RunningServer] = {}
        self.moods: dict[str, Mood] = {}
        self._cookies = itertools.count(1)

    def origin(self, name: str) -> str:
        """Return where a server is."""
        return self.servers[name].origin

    def begin(self) -> None:
        """Forget what was seen, and put every server in a fine mood."""
        for server in self.servers.values():
            server.received.clear()
        self.moods = {}

    def seen(self) -> list[tuple[str, Received]]:
        """Return every request so far, with the name of the server that got it."""
        return [(name, one) for name, server in self.servers.items() for one in server.received]

    def answer(self, name: str, received: Received) -> Answer:
        """Answer as the server's mood says."""
        mood = self.moods.get(name, "fine")
        if mood.isdigit():
            return Answer(json.dumps({"error": {"message": "no", "type": "t"}}).encode(), status=int(mood))
        if mood == "echo":
            said = json.dumps({"error": {"message": f"bad request: {received.headers}"}})
            return Answer(said.encode(), status=401)
        if mood == "redirect":
            following = self.names[(self.names.index(name) + 1) % len(self.names)]
            return Answer(status=307, headers={"location": self.origin(following) + received.target})
        answer = any_model(received)
        if mood == "broken off":
            return replace(answer, cut=True, missing=10)
        if mood == "cookie":
            cookie = f"session={COOKIE}-{next(self._cookies)}; Path=/"
            return replace(answer, headers={**answer.headers, "set-cookie": cookie})
        return answer


@contextmanager
def provider_servers(*names: str) -> Iterator[ProviderServers]:
    """Run one server for each name."""
    servers = ProviderServers(names)
    with ExitStack() as stack:
        for name in names:
            servers.servers[name] = stack.enter_context(running(_script(servers, name)))
        yield servers


def _script(servers: ProviderServers, name: str) -> Callable[[Received], Answer]:
    return lambda received: servers.answer(name, received)
