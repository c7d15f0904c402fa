"""The connections to users' own endpoints, for calls in event loops."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp.abc import AbstractResolver, ResolveResult

from app.errors import UserEndpointRefused
from app.llm.clients.guard.answers import Meter
from app.llm.clients.handlers import ExchangeHandler
from app.llm.clients.loops import LoopConnector

if TYPE_CHECKING:
    import aiohttp

    from app.llm.clients.guard.judging import Guard, Reach

THREADS = 4


class GuardedConnector(LoopConnector):
    """The connections of one event loop to users' own endpoints, each to an address that was judged."""

    def __init__(self, guard: Guard, reach: Reach) -> None:
        self._guard, self._reach = guard, reach
        # A race for the quickest address (happy eyeballs) would swallow a refusal at the last moment.
        super().__init__(
            JudgedNames(guard, reach),
            partial(MeteredHandler, guard.response_limit),
            use_dns_cache=False,
            happy_eyeballs_delay=None,
        )

    def _open_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        # The last moment before a connection, and the only one for a host that is an address: aiohttp asks no
        # resolver then.
        self._guard.check(str(address[4][0]), self._reach)
        return super()._open_socket(address)


class MeteredHandler(ExchangeHandler):
    """A connection to a user's own endpoint, and the count of what came over it.

    aiohttp's own limits are per header.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._meter = Meter(limit)

    def set_response_params(self, **params: Any) -> None:
        """Begin another exchange."""
        self._meter.sending()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what arrived. When it is too much, leave the connection and say so to whoever waits for it."""
        try:
            self._meter.arrived(data)
        except UserEndpointRefused as refusal:
            payload = self._payload  # abort forgets it
            self.abort()
            self.set_exception(refusal)
            if payload is not None:
                payload.set_exception(refusal)
        else:
            super().data_received(data)


class JudgedNames(AbstractResolver):
    """The guard's name service, in threads of its own: users' names can't keep those of providers waiting."""

    def __init__(self, guard: Guard, reach: Reach) -> None:
        self._guard, self._reach = guard, reach
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pointsman-guarded-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the judged addresses of a host.

        :raises UserEndpointRefused: one of them may not be called.
        :raises OSError: there are none.
        """
        del family
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._guard.addresses, host, port, self._reach)
        return [_result(host, address, port) for address in found]

    async def close(self) -> None:
        """Let the threads end; nobody waits for a question under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
