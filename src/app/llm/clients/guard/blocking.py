"""The pools of connections to users' own endpoints, for calls from threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.llm.clients.guard.network import JudgedNetwork
from app.llm.clients.pools import Pool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from app.llm.clients.guard.judging import Guard, Reach
    from app.llm.clients.sockets import OpenSockets


class GuardedPools:
    """The pools by what their connections may lead to, made when they are first needed. None has a proxy."""

    def __init__(self, guard: Guard, context: Callable[[], ssl.SSLContext], sockets: OpenSockets) -> None:
        self._guard, self._context, self._sockets = guard, context, sockets
        self._lock = threading.Lock()
        self._pools: dict[Reach, Pool] = {}

    def pool(self, origin: str) -> Pool:
        """Return the pool for a user's endpoint.

        :raises UserEndpointRefused: it may not be called.
        """
        reach = self._guard.reach(origin)
        with self._lock:
            if reach not in self._pools:
                network = JudgedNetwork(self._guard, reach, self._sockets)
                self._pools[reach] = Pool(network, self._context())
            return self._pools[reach]

    def close(self) -> None:
        """Close all connections."""
        for pool in list(self._pools.values()):
            pool.close()

    def leave_to_parent(self) -> None:
        """In a forked child, free the locks that threads of the parent may hold."""
        for pool in self._pools.values():
            pool.leave_to_parent()
