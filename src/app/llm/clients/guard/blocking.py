"""The pools of connections to users' own endpoints, for calls from threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from app.errors import TransportRefused, UserEndpointRefused
from app.llm.clients.forks import free_lock
from app.llm.clients.guard.answers import Allowance, Meter, check_head, shortest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

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


class JudgedNetwork(httpcore2.NetworkBackend):
    """The way to addresses that were judged: a name is asked for once, and the judged is connected to."""

    def __init__(self, guard: Guard, reach: Reach) -> None:
        self._guard, self._reach = guard, reach
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to the first of a host's addresses that takes one.

        :raises UserEndpointRefused: one of the addresses may not be called.
        """
        del local_address
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            self._guard.check(address, self._reach)
            try:
                stream = self._plain.connect_tcp(address, port, shortest(timeout), None, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return MeteredStream(stream, Meter(self._guard.response_limit))
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Raise TransportRefused: no user's endpoint is a file of this machine."""
        del path, timeout, socket_options
        raise TransportRefused("a user's own endpoint was to be reached through a file of this machine")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return self._guard.addresses(host, port, self._reach)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


class MeteredStream(httpcore2.NetworkStream):
    """A connection to a user's own endpoint, and the count of what came over it."""

    def __init__(self, stream: httpcore2.NetworkStream, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes. Raises UserEndpointRefused when they are too many, or too late."""
        return self._meter.arrived(self._stream.read(max_bytes, self._meter.time_left(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._meter.sending()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Return the connection under TLS, verified against the name that the user gave."""
        return MeteredStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the base class's signature
        """Return what httpcore2 asks about a connection."""
        return self._stream.get_extra_info(info)


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
