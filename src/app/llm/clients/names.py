"""Looking up hosts' names without the event loop's default thread pool, which a busy product has filled."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

THREADS = 4
FOUND_SECONDS = 60
"""Seconds for which an address is used without asking again."""


class NameThreads(AbstractResolver):
    """The system's own name service, asked in a few threads that serve nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pointsman-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises OSError (socket.gaierror) if there are none."""
        ask = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host, host=str(where[0]), port=int(where[1]), family=family, proto=proto, flags=flags
            )
            for family, _, proto, _, where in found
        ]

    async def close(self) -> None:
        """Let the threads end; nobody waits for a look-up under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
