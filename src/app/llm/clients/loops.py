"""One aiohttp session per event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from app.errors import ResourceClosed
from app.llm.clients.names import FOUND_SECONDS, NameThreads
from app.llm.clients.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

IDLE_SECONDS = 15.0
LONGEST_HEADER = 65_536
"""Bytes. What sits in front of a provider adds headers beyond aiohttp's limit of 8190."""


class LoopSession:
    """The connections of one event loop. They are closed when the transport is, or when the loop ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._names = NameThreads()
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=IDLE_SECONDS, resolver=self._names, ttl_dns_cache=FOUND_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            trust_env=False,
        )
        self.usage = Usage(self._release)
        self._keeper = self._keep()
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Tie the session to its loop: a loop that shuts down closes its asynchronous generators first."""
        await anext(self._keeper)

    async def _keep(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self.session.close()
            await self._names.close()

    def _release(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and its connections with it
            self._loop.call_soon_threadsafe(self._start_closing)

    def _start_closing(self) -> None:
        self._closing = self._loop.create_task(self._keeper.aclose())


class LoopSessions:
    """The sessions by event loop; those of ended loops are dropped when a new loop comes."""

    def __init__(self) -> None:
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
            for ended in [known for known in self._sessions if known.is_closed()]:
                del self._sessions[ended]
            session = self._sessions[loop] = LoopSession(loop)
        await session.open()
        return session

    def close(self) -> None:
        """Refuse new requests; each loop closes its own connections when its last request has ended."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions.values())
        for session in sessions:
            session.usage.close()
