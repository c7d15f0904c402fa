"""The pool of connections that calls from threads share."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

import httpx2

from app.llm.clients.frames import without_frames
from app.llm.clients.guard.blocking import GuardedPools
from app.llm.clients.sockets import OpenSockets, free_lock
from app.llm.clients.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.clients.door import Admission, Door
    from app.llm.clients.guard.judging import Guard
    from app.llm.clients.proxies import Proxies
    from app.llm.clients.tls import SharedTls

LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=15.0)

Pool = tuple[str, str | None]
"""What a pool serves: the scheme, and the proxy in between (None: none)."""


class BlockingLine:
    """The thread-safe way from synchronous clients to the network. It keeps connections, and nothing else."""

    def __init__(self, door: Door, proxies: Proxies, tls: SharedTls, guard: Guard) -> None:
        self._door = door
        self._proxies = proxies
        self._tls = tls
        self._lock = threading.Lock()
        self._pools: dict[Pool, httpx2.HTTPTransport] = {}
        self._guarded = GuardedPools(guard, tls.context, LIMITS)
        self._sockets = OpenSockets()
        self.usage = Usage(self._close_pools)

    def send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """Send one request through the door; without `stream` the response is read before it is returned.

        Raises TransportRefused, ResourceClosed, or the httpx2.RequestError that says what broke.
        """
        self.usage.enter()
        try:
            admission = self._door.admit(request)
            response = self._exchange(request, admission)
        except BaseException:
            self.usage.leave()
            raise
        response.stream = flow = Flow(response.stream, request, self.usage)
        if stream:
            admission.ticket.hold(flow)
            return response
        try:
            response.read()
        finally:
            response.close()
        return response

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._sockets)

    def close(self) -> None:
        """Refuse new requests, and close the connections when the last request under way has ended."""
        self.usage.close()

    def leave_to_parent(self) -> None:
        """In a forked child, close its own descriptors of the connections, and touch nothing else."""
        self.usage.renew()
        self._sockets.close()
        for pool in self._pools.values():
            free_lock(pool._pool)  # noqa: SLF001 - httpx2 has no other way to its pool
        self._guarded.leave_to_parent()

    def _exchange(self, request: httpx2.Request, admission: Admission) -> httpx2.Response:
        failure: BaseException
        try:
            response = self._pool_for(admission).handle_request(_outbound(request, admission))
        except httpx2.RequestError as error:
            failure = without_trace(error, request)
        except BaseException as error:  # noqa: BLE001 - raised again below, without frames
            failure = without_frames(error)
        else:
            self._sockets.note(response.extensions["network_stream"].get_extra_info("socket"))
            return _answer(response, request)
        raise failure

    def _pool_for(self, admission: Admission) -> httpx2.BaseTransport:
        if admission.ticket.grant.user_named:
            return self._guarded.pool(admission.origin)
        return self._pool(admission.origin.partition(":")[0], self._proxies.of(admission.origin))

    def _pool(self, scheme: str, proxy: str | None) -> httpx2.HTTPTransport:
        pool = self._pools.get((scheme, proxy))
        if pool is not None:
            return pool
        with self._lock:
            if (scheme, proxy) not in self._pools:
                self._pools[scheme, proxy] = self._new_pool(scheme, proxy)
            return self._pools[scheme, proxy]

    def _new_pool(self, scheme: str, proxy: str | None) -> httpx2.HTTPTransport:
        # A pool for plain http gets a context that trusts nobody: it is free, a full one costs 30 ms.
        context = self._tls.context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx2.HTTPTransport(verify=context, limits=LIMITS, proxy=proxy)

    def _close_pools(self) -> None:
        self._guarded.close()
        for pool in self._pools.values():
            pool.close()


class Flow(httpx2.SyncByteStream):
    """A response's body as it arrives. Closing it before its end closes the connection."""

    def __init__(
        self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream, request: httpx2.Request, usage: Usage
    ) -> None:
        if not isinstance(stream, httpx2.SyncByteStream):
            raise TypeError("a synchronous pool answered with an asynchronous stream")
        self._stream = stream
        self._request = request
        self._usage = usage
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        failure: BaseException | None = None
        try:
            yield from self._stream
        except httpx2.RequestError as error:
            failure = without_trace(error, self._request)
        except BaseException as error:  # noqa: BLE001 - raised again below, without frames
            failure = without_frames(error)
        finally:
            self.end()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End the exchange: how httpx2 says it."""
        self.end()

    def end(self) -> None:
        """Leave the connection if the response isn't complete. Calling it twice is no error."""
        if self._open:
            self._open = False
            try:
                self._stream.close()
            finally:
                self._usage.leave()


def _outbound(request: httpx2.Request, admission: Admission) -> httpx2.Request:
    """Return what goes out: what the door admitted, and a body that is framed here, once."""
    body = request.read()
    return httpx2.Request(
        admission.method,
        admission.url,
        headers=[*admission.headers, (b"Content-Length", b"%d" % len(body))],
        stream=request.stream,
        extensions={"timeout": request.extensions.get("timeout", {})},
    )


def _answer(response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
    """Return an answer as an SDK may have it: without the connection that brought it, and no cookie (R7)."""
    response.request = request
    response.extensions = {"http_version": response.extensions["http_version"]}
    if "set-cookie" in response.headers:
        del response.headers["set-cookie"]
    return response


def without_trace(error: httpx2.RequestError, request: httpx2.Request) -> httpx2.RequestError:
    """Return the same error about the SDK's own request, without the frames whose variables held the key."""
    return type(error)(str(error), request=request)
