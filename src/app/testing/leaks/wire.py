"""What goes over the wire: each key in its one header, at its own host, and prompts in bodies only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from app.testing.leaks.exhibits import Exhibit, nothing, prompts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from app.testing.leaks.canaries import Canary


class Sent(Protocol):
    """A request as a server received it."""

    @property
    def method(self) -> str:
        """GET, POST, ...."""
        ...

    @property
    def target(self) -> str:
        """Path and query."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Names in lower case, in order."""
        ...

    @property
    def body(self) -> bytes:
        """As it came."""
        ...


class Recorder(Protocol):
    """A server that remembers what it received: `app.testing.servers.RecordingServer`, or a product's own."""

    @property
    def origin(self) -> str:
        """`scheme://host:port`."""
        ...

    @property
    def received(self) -> Iterable[Sent]:
        """All requests so far."""
        ...


class WireSink:
    """The requests that servers received. `watch` adds a server.

    A key may be seen in the one header that its canary names for this very origin; prompts in bodies.
    """

    name = "the wire"

    def __init__(self) -> None:
        self._servers: list[Recorder] = []

    def open(self) -> None:
        """Nothing to do: servers remember by themselves."""

    def close(self) -> None:
        """Nothing to do: the servers belong to somebody else."""

    def watch(self, server: Recorder) -> None:
        """Look at a server's requests, when the time comes."""
        self._servers.append(server)

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield every part of every request."""
        for server in self._servers:
            for sent in list(server.received):
                yield from parts_of(sent, server.origin)


def parts_of(sent: Sent, origin: str) -> Iterator[Exhibit]:
    """Yield the parts of a request, with what may be in each."""
    place = f"{sent.method} {origin}"
    yield Exhibit(f"{place}, the address", f"{sent.target} {unquote(sent.target)}", nothing)
    for name, value in sent.headers:

        def at_home(canary: Canary, name: str = name) -> bool:
            return canary.kind == "key" and canary.at.get(origin) == name

        yield Exhibit(f"{place}, header {name}", value, at_home)
        yield Exhibit(f"{place}, the name of a header", name, nothing)
    yield Exhibit(f"{place}, the body", sent.body.decode("latin-1"), prompts)
