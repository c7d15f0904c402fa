"""The way from synchronous clients to the network."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx2

from app.errors import UserEndpointRefused
from app.llm.clients.blocking_exchange import BlockingExchange
from app.llm.clients.frames import without_frames
from app.llm.clients.guard.answers import Allowance, check_head
from app.llm.clients.guard.blocking import GuardedPools
from app.llm.clients.httpcore2_failures import BROKEN, broken
from app.llm.clients.pools import Pool
from app.llm.clients.sockets import OpenSockets
from app.llm.clients.usage import Usage
from app.llm.clients.wires import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpcore2

    from app.llm.clients.door import Admission, Door
    from app.llm.clients.guard.judging import Guard
    from app.llm.clients.proxies import Proxies
    from app.llm.clients.tls import SharedTls

Served = tuple[str, str | None]
"""What a pool serves: the scheme, and the proxy in between (None: none)."""


class BlockingLine:
    """The thread-safe way from synchronous clients to the network. It keeps connections, and nothing else."""

    def __init__(self, door: Door, proxies: Proxies, tls: SharedTls, guard: Guard) -> None:
        self._door = door
        self._proxies = proxies
        self._tls = tls
        self._response_limit = guard.response_limit
        self._lock = threading.Lock()
        self._sockets = OpenSockets()
        self._network = Network(self._sockets)
        self._pools: dict[Served, Pool] = {}
        self._guarded = GuardedPools(guard, tls.context, self._sockets)
        self.usage = Usage(self._close_pools)

    def send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """Send one request through the door; without `stream` the response is read before it is returned.

        Raises TransportRefused, ResourceClosed, or the httpx2.RequestError that says what broke.
        """
        self.usage.enter()
        try:
            admission = self._door.admit(request)
            exchange = BlockingExchange(admission.ticket, request.extensions.get("timeout", {}))
            admission.ticket.hold(exchange)
            response = self._exchange(request, admission, exchange)
        except BaseException:
            self.usage.leave()
            raise
        if stream:
            admission.ticket.keep(exchange)
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
            pool.leave_to_parent()
        self._guarded.leave_to_parent()

    def _exchange(
        self, request: httpx2.Request, admission: Admission, exchange: BlockingExchange
    ) -> httpx2.Response:
        failure: BaseException
        try:
            answer = self._pool_for(admission).send(admission, request.read(), exchange)
            admission.ticket.answered(answer.headers)
            return self._response(answer, request, exchange, guarded=admission.ticket.grant.user_named)
        except BROKEN as error:
            failure = broken(error, request)
        except BaseException as error:  # noqa: BLE001 - raised again below, without frames
            failure = without_frames(error)
        exchange.over()
        raise failure

    def _response(
        self,
        answer: httpcore2.Response,
        request: httpx2.Request,
        exchange: BlockingExchange,
        *,
        guarded: bool,
    ) -> httpx2.Response:
        """Return an answer as an SDK may have it: without its connection, and no cookie (R7)."""
        allowance = None
        if guarded:
            self._check(answer)
            allowance = Allowance(self._response_limit)
        flow = exchange.flow = Flow(answer, request, exchange, self.usage, allowance)
        return httpx2.Response(
            answer.status,
            headers=[header for header in answer.headers if header[0].lower() != b"set-cookie"],
            stream=flow,
            request=request,
            extensions={"http_version": answer.extensions["http_version"]},
        )

    def _check(self, answer: httpcore2.Response) -> None:
        """Raise UserEndpointRefused, and leave the connection, for an answer that isn't read at all."""
        try:
            check_head(answer.status, httpx2.Headers(answer.headers), self._response_limit)
        except UserEndpointRefused:
            answer.close()
            raise

    def _pool_for(self, admission: Admission) -> Pool:
        if admission.ticket.grant.user_named:
            return self._guarded.pool(admission.origin)
        return self._pool(admission.origin.partition(":")[0], self._proxies.of(admission.origin))

    def _pool(self, scheme: str, proxy: str | None) -> Pool:
        pool = self._pools.get((scheme, proxy))
        if pool is not None:
            return pool
        with self._lock:
            if (scheme, proxy) not in self._pools:
                self._pools[scheme, proxy] = self._new_pool(scheme, proxy)
            return self._pools[scheme, proxy]

    def _new_pool(self, scheme: str, proxy: str | None) -> Pool:
        # A pool for plain http gets a context that trusts nobody: it is free, a full one costs 30 ms.
        secure = scheme == "https" or (proxy is not None and proxy.startswith("https:"))
        context = self._tls.context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return Pool(self._network, context, proxy)

    def _close_pools(self) -> None:
        self._guarded.close()
        for pool in self._pools.values():
            pool.close()


class Flow(httpx2.SyncByteStream):
    """A response's body as it arrives. Closing it before its end closes the connection."""

    def __init__(
        self,
        answer: httpcore2.Response,
        request: httpx2.Request,
        exchange: BlockingExchange,
        usage: Usage,
        allowance: Allowance | None = None,
    ) -> None:
        self._answer = answer
        # An iterator of its own: nobody who stops listening closes it before it is known what is left of it.
        self._parts = iter(answer.iter_stream())
        self._request = request
        self._exchange = exchange
        self._usage = usage
        self._allowance = allowance
        self._open, self._reading = True, threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        failure: BaseException | None = None
        try:
            while True:
                with self._reading:
                    part = next(self._parts, None)
                if part is None:
                    break
                yield part if self._allowance is None else self._allowance.spend(part)
        except BROKEN as error:
            failure = broken(error, self._request)
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
        if self._reading.acquire(blocking=False):
            try:
                if self._open:
                    self._open = False
                    self._leave()
            finally:
                self._reading.release()
        else:  # another thread reads: it wakes up, and comes here itself
            self._exchange.cancel()

    def _leave(self) -> None:
        try:
            self._take_the_rest()
        finally:
            self._exchange.over()
            try:
                self._answer.close()
            finally:
                self._usage.leave()

    def _take_the_rest(self) -> None:
        """Read HTTP's own end, if it is there: an SDK that stops before it would leave a good connection."""
        self._exchange.hurry()
        with suppress(*BROKEN, UserEndpointRefused):
            next(self._parts, None)
