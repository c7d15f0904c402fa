"""One aiohttp session per event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any

import aiohttp

from app.errors import ResourceClosed
from app.llm.clients.handlers import ExchangeHandler
from app.llm.clients.names import FOUND_SECONDS, NameThreads
from app.llm.clients.sockets import OpenSockets
from app.llm.clients.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aiohttp.abc import AbstractResolver
    from aiohttp.client_proto import ResponseHandler

    from app.llm.clients.awaited_exchange import AwaitedExchange

IDLE_SECONDS = 15.0
LONGEST_HEADER = 65_536
"""Bytes. What sits in front of a provider adds headers beyond aiohttp's limit of 8190."""


class LoopConnector(aiohttp.TCPConnector):
    """The connections of one event loop, which can also be let go without that loop."""

    def __init__(
        self,
        names: AbstractResolver,
        handler: Callable[[asyncio.AbstractEventLoop], ResponseHandler] = ExchangeHandler,
        **differences: Any,
    ) -> None:
        self.sockets, self.names = OpenSockets(), names
        common = {"limit": 0, "keepalive_timeout": IDLE_SECONDS, "ttl_dns_cache": FOUND_SECONDS}
        super().__init__(resolver=names, socket_factory=self._open_socket, **{**common, **differences})
        # aiohttp has no public way to the connections themselves.
        self._factory = partial(handler, self._loop)

    def abandon(self) -> None:
        """Close the sockets and nothing else: the loop has ended, or it is another process's."""
        self.sockets.close()
        self._conns.clear()
        self._closed = True

    def _open_socket(self, address: aiohttp.AddrInfoType) -> socket:
        family, kind, protocol, _, _ = address
        return self.sockets.note(socket(family, kind, protocol))


def providers_connector() -> LoopConnector:
    """Return a connector to the providers of the catalog."""
    return LoopConnector(NameThreads())


class LoopSession:
    """The connections of one event loop. They are closed when the transport is, or when the loop ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connector: LoopConnector) -> None:
        self.loop = loop
        self._connector = connector
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            trust_env=False,
        )
        self.usage = Usage(self._release)
        self.streams: set[AwaitedExchange] = set()
        """What is arriving. It is kept here, as it goes with its loop."""
        self._keeper = self._keep()
        self._closing: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connector.sockets)

    async def open(self) -> None:
        """Tie the session to its loop: a loop that shuts down closes its asynchronous generators first."""
        await anext(self._keeper)

    def abandon(self) -> None:
        """Let the connections go without their loop, which has ended or is the parent's of this process."""
        self.usage.renew()
        self.streams.clear()
        self._connector.abandon()
        self.session.detach()

    async def _keep(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self.session.close()
            await self._connector.names.close()

    def _release(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and its connections with it
            self.loop.call_soon_threadsafe(self._start_closing)

    def _start_closing(self) -> None:
        self._closing = self.loop.create_task(self._keeper.aclose())


class LoopSessions:
    """The sessions by event loop; those of ended loops are dropped when a new loop comes.

    `connector` makes what a new session connects with.
    """

    def __init__(self, connector: Callable[[], LoopConnector] = providers_connector) -> None:
        self._connector = connector
        self._lock = threading.Lock()
        self._sessions: dict[asyncio.AbstractEventLoop, LoopSession] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._sessions)

    async def current(self) -> LoopSession:
        """Return the running loop's session. Raises ResourceClosed after `close`."""
        loop = asyncio.get_running_loop()
        known = self._sessions.get(loop)
        return known if known is not None and not known.session.closed else await self._open(loop)

    async def _open(self, loop: asyncio.AbstractEventLoop) -> LoopSession:
        with self._lock:
            if self._closed:
                raise ResourceClosed("the transport is closed")
            self._drop_ended()
            session = self._sessions[loop] = LoopSession(loop, self._connector())
        await session.open()
        return session

    def _drop_ended(self) -> None:
        for loop in [known for known in self._sessions if known.is_closed()]:
            self._sessions.pop(loop).abandon()

    def close(self) -> None:
        """Refuse new requests; each loop closes its own connections when its last request has ended."""
        with self._lock:
            self._closed = True
            self._drop_ended()
            sessions = list(self._sessions.values())
        for session in sessions:
            session.usage.close()

    def leave_to_parent(self) -> None:
        """In a forked child, close its own descriptors of the connections, and touch nothing else."""
        self._lock = threading.Lock()
        for session in self._sessions.values():
            session.abandon()
