"""The way from asynchronous clients to the network."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import httpx2

from app.errors import UserEndpointRefused
from app.llm.clients.aiohttp_failures import BROKEN
from app.llm.clients.awaited_exchange import AwaitedExchange
from app.llm.clients.frames import without_frames
from app.llm.clients.guard.answers import (
    LONGEST_CONNECT_S,
    LONGEST_EXCHANGE_S,
    Allowance,
    check_head,
)
from app.llm.clients.guard.awaiting import GuardedConnector
from app.llm.clients.guard.judging import REACHES
from app.llm.clients.loops import LoopSessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from app.llm.clients.door import Admission, Door
    from app.llm.clients.guard.judging import Guard
    from app.llm.clients.proxies import Proxies
    from app.llm.clients.tls import SharedTls
    from app.llm.clients.usage import Usage

_HTTP_1_1 = {"http_version": b"HTTP/1.1"}
LONGEST_OF_USERS = (LONGEST_EXCHANGE_S, LONGEST_CONNECT_S)
"""Seconds for a whole exchange with a user's own endpoint, and for one of its addresses."""
UNLIMITED = (None, None)
LARGE = 1_000_000
"""Bytes. A larger body is sent piece by piece, so that the event loop can do something else in between."""


class AwaitingLine:
    """The way out of asynchronous clients, over the session of whichever loop the call runs in."""

    def __init__(self, door: Door, proxies: Proxies, tls: SharedTls, guard: Guard) -> None:
        self._door = door
        self._proxies = proxies
        self._tls = tls
        self._guard = guard
        self.sessions = LoopSessions()
        self.guarded = {reach: LoopSessions(partial(GuardedConnector, guard, reach)) for reach in REACHES}

    async def send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """Send one request through the door; without `stream` the response is read before it is returned.

        Raises TransportRefused, ResourceClosed, or the httpx2.RequestError that says what broke.
        """
        admission = self._door.admit(request)
        here = await self._sessions(admission).current()
        exchange = AwaitedExchange(admission.ticket, request, here.loop)
        admission.ticket.hold(exchange)
        here.usage.enter()
        try:
            answer = await self._exchange(request, admission, here.session, exchange)
        except BaseException:
            exchange.over()
            here.usage.leave()
            raise
        flow = exchange.flow = AwaitedFlow(answer, exchange, here.usage, self._allowance(admission))
        if stream:
            exchange.keep_in(here.streams)
            return _response(answer, request, stream=flow)
        return _response(answer, request, content=await flow.whole())

    def close(self) -> None:
        """Refuse new requests, and close each loop's connections after its last request under way."""
        for sessions in (self.sessions, *self.guarded.values()):
            sessions.close()

    def leave_to_parent(self) -> None:
        """In a forked child, close its own descriptors of the connections, and touch nothing else."""
        for sessions in (self.sessions, *self.guarded.values()):
            sessions.leave_to_parent()

    def _sessions(self, admission: Admission) -> LoopSessions:
        guarded = admission.ticket.grant.user_named
        return self.guarded[self._guard.reach(admission.origin)] if guarded else self.sessions

    def _allowance(self, admission: Admission) -> Allowance | None:
        return Allowance(self._guard.response_limit) if admission.ticket.grant.user_named else None

    async def _exchange(
        self,
        request: httpx2.Request,
        admission: Admission,
        session: aiohttp.ClientSession,
        exchange: AwaitedExchange,
    ) -> aiohttp.ClientResponse:
        body, guarded = await request.aread(), admission.ticket.grant.user_named
        failure: BaseException
        try:
            async with exchange.until_answered():
                limits = exchange.limits(*(LONGEST_OF_USERS if guarded else UNLIMITED))
                answer = await self._request(admission, body, session, limits)
            exchange.answered(answer)
            admission.ticket.answered(answer.raw_headers)
            if guarded:
                self._check(answer)
            return answer  # noqa: TRY300 - an else would be a second place where all is well
        except BROKEN as error:
            failure = exchange.failure(error)
        except BaseException as error:  # noqa: BLE001 - raised again below, without frames
            failure = without_frames(error)
        raise failure

    def _check(self, answer: aiohttp.ClientResponse) -> None:
        """Raise UserEndpointRefused, and leave the connection, for an answer that isn't read at all."""
        try:
            # httpx2 will decode by these headers; it joins those that came twice, aiohttp takes the first.
            check_head(answer.status, httpx2.Headers(list(answer.raw_headers)), self._guard.response_limit)
        except UserEndpointRefused:
            answer.close()
            raise

    async def _request(
        self,
        admission: Admission,
        body: bytes,
        session: aiohttp.ClientSession,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        guarded = admission.ticket.grant.user_named
        return await session.request(
            admission.method,
            str(admission.url),
            headers=[(name.decode(), value.decode()) for name, value in admission.headers],
            data=BytesIO(body) if len(body) > LARGE else body or None,
            allow_redirects=False,
            proxy=None if guarded else self._proxies.of(admission.origin),
            ssl=self._tls.context() if admission.url.scheme == "https" else True,
            timeout=limits,
        )


class AwaitedFlow(httpx2.AsyncByteStream):
    """A response's body as it arrives. Closing it before its end closes the connection at once."""

    def __init__(
        self,
        answer: aiohttp.ClientResponse,
        exchange: AwaitedExchange,
        usage: Usage,
        allowance: Allowance | None = None,
    ) -> None:
        self._answer = answer
        self._allowance = allowance
        self._exchange = exchange
        self._usage = usage
        self._open = True
        self._watch = exchange.watch(self.break_off)

    async def whole(self) -> bytes:
        """Return the whole body, and end the exchange."""
        return b"".join([part async for part in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failure: BaseException | None = None
        allowance, watch, content = self._allowance, self._watch, self._answer.content
        try:
            while True:
                if watch is not None:
                    watch.begin()
                part = await content.readany()
                if watch is not None:
                    watch.waiting = False
                if not part:
                    break
                yield part if allowance is None else allowance.spend(part)
        except BROKEN as error:
            failure = self._exchange.failure(error, late=watch is not None and watch.over)
        except BaseException as error:  # noqa: BLE001 - raised again below, without frames
            failure = without_frames(error)
        finally:
            self.end()
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """End the exchange: how httpx2 says it."""
        self.end()

    def break_off(self) -> None:
        """Leave the connection: whoever reads wakes up with an error, and ends the exchange."""
        self._answer.close()

    def end(self) -> None:
        """Leave the connection if the response isn't complete. Calling it twice is no error."""
        if self._open:
            self._open = False
            if self._watch is not None:
                self._watch.stop()
            self._exchange.over()
            try:
                self._answer.close()
            finally:
                self._usage.leave()


def _response(
    answer: aiohttp.ClientResponse,
    request: httpx2.Request,
    *,
    content: bytes | None = None,
    stream: AwaitedFlow | None = None,
) -> httpx2.Response:
    return httpx2.Response(
        answer.status,
        headers=[header for header in answer.raw_headers if header[0].lower() != b"set-cookie"],
        content=content,
        stream=stream,
        request=request,
        extensions=_HTTP_1_1,
    )
