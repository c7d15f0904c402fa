"""The pools of connections to users' own endpoints, for calls from threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpcore2
import httpx2

from app.errors import UserEndpointRefused
from app.llm.clients.guard.answers import Allowance, check_head
from app.llm.clients.guard.network import JudgedNetwork
from app.llm.clients.sockets import free_lock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from app.llm.clients.guard.judging import Guard, Reach

FAILURES: tuple[tuple[type[Exception], type[httpx2.RequestError]], ...] = (
    (httpcore2.ConnectTimeout, httpx2.ConnectTimeout),
    (httpcore2.ReadTimeout, httpx2.ReadTimeout),
    (httpcore2.WriteTimeout, httpx2.WriteTimeout),
    (httpcore2.PoolTimeout, httpx2.PoolTimeout),
    (httpcore2.ConnectError, httpx2.ConnectError),
    (httpcore2.ReadError, httpx2.ReadError),
    (httpcore2.WriteError, httpx2.WriteError),
    (httpcore2.RemoteProtocolError, httpx2.RemoteProtocolError),
    (httpcore2.ProtocolError, httpx2.LocalProtocolError),
)
BROKEN = tuple(theirs for theirs, _ in FAILURES)
"""Everything that httpcore2 raises when an exchange breaks."""


class GuardedPools:
    """The pools by what their connections may lead to, each made when it is first needed."""

    def __init__(self, guard: Guard, context: Callable[[], ssl.SSLContext], limits: httpx2.Limits) -> None:
        self._guard, self._context, self._limits = guard, context, limits
        self._lock = threading.Lock()
        self._pools: dict[Reach, GuardedPool] = {}

    def pool(self, origin: str) -> GuardedPool:
        """Return the pool for a user's endpoint.

        :raises UserEndpointRefused: it may not be called.
        """
        reach = self._guard.reach(origin)
        with self._lock:
            if reach not in self._pools:
                self._pools[reach] = GuardedPool(self._guard, reach, self._context(), self._limits)
            return self._pools[reach]

    def close(self) -> None:
        """Close all connections."""
        for pool in list(self._pools.values()):
            pool.close()

    def leave_to_parent(self) -> None:
        """In a forked child, free the locks that threads of the parent may hold."""
        for pool in self._pools.values():
            pool.leave_to_parent()


class GuardedPool(httpx2.BaseTransport):
    """Connections to users' own endpoints: to judged addresses, by no proxy, with bounded answers."""

    def __init__(self, guard: Guard, reach: Reach, context: ssl.SSLContext, limits: httpx2.Limits) -> None:
        self._limit = guard.response_limit
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=JudgedNetwork(guard, reach),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return its answer, whose body is still to be read.

        :raises UserEndpointRefused: it would leave to a place, or has brought an answer, that isn't allowed.
        :raises httpx2.RequestError: what broke.
        """
        try:
            answer = self._pool.handle_request(_inner(request))
        except BROKEN as error:
            failure = broken(error, request)
        else:
            body = BoundedBody(answer, request, self._limit)
            response = httpx2.Response(
                answer.status, headers=answer.headers, stream=body, extensions=answer.extensions
            )
            try:
                check_head(answer.status, response.headers, self._limit)
            except UserEndpointRefused:
                body.close()
                raise
            return response
        raise failure

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def leave_to_parent(self) -> None:
        """In a forked child, free the lock that a thread of the parent may hold."""
        free_lock(self._pool)


class BoundedBody(httpx2.SyncByteStream):
    """The body of an answer, as far as it is allowed."""

    def __init__(self, answer: httpcore2.Response, request: httpx2.Request, limit: int) -> None:
        self._answer, self._request, self._allowance = answer, request, Allowance(limit)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for part in self._answer.iter_stream():
                yield self._allowance.spend(part)
        except BROKEN as error:
            failure = broken(error, self._request)
        else:
            return
        raise failure

    def close(self) -> None:
        """Leave the connection if the answer isn't complete."""
        self._answer.close()


def _inner(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def broken(error: Exception, request: httpx2.Request) -> httpx2.RequestError:
    """Return the httpx2 error for one of httpcore2's."""
    kind = next(ours for theirs, ours in FAILURES if isinstance(error, theirs))
    return kind(str(error), request=request)
