"""One request in an event loop and its answer: how long each wait may last, and how others end it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import httpx2

from app.llm.clients.aiohttp_failures import broken
from app.llm.clients.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.llm.clients.tickets import Ticket

ENDED = "the exchange was ended by its own side"
LATE = "its time is over"


class Connection(Protocol):
    """What serves an exchange."""

    @property
    def unsent(self) -> bool:
        """Whether the other side hasn't taken yet what is to be sent."""
        ...

    def answered(self) -> None:
        """Note that the other side has begun to answer."""
        ...


class Body(Protocol):
    """What is read of an answer. It is touched in its own event loop alone."""

    def end(self) -> None:
        """Leave the connection if the answer isn't complete. Calling it twice is no error."""
        ...

    def break_off(self) -> None:
        """Leave the connection: whoever reads wakes up with an error, and ends the exchange."""
        ...


class AwaitedExchange:
    """A request and its answer on their way. Its connection is given it in place of a time-out."""

    __slots__ = (
        *("_keeper", "_limit", "_loop", "_request", "_ticket", "_timeouts", "_wire"),
        *("__weakref__", "cancelled", "flow", "patience"),
    )

    def __init__(self, ticket: Ticket, request: httpx2.Request, loop: asyncio.AbstractEventLoop) -> None:
        self._ticket, self._request, self._loop = ticket, request, loop
        self._timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        self._limit: asyncio.Timeout | None = None
        self._wire: Connection | None = None
        self._keeper: set[AwaitedExchange] | None = None
        self.patience = ticket.patience
        self.flow: Body | None = None
        """The answer's body, once it is arriving."""
        self.cancelled = False

    # ------------------------------------------------------------------ how long

    @property
    def sock_read(self) -> float | None:
        """How many seconds each read may take where the ticket's patience doesn't say it."""
        return self._timeouts.get("read") if self.patience is None else None

    def limits(self, longest_s: float | None, longest_connect_s: float | None) -> aiohttp.ClientTimeout:
        """Return what aiohttp is given as time-outs: at most these for all of it, and for one address.

        :raises httpx2.ConnectTimeout: the time to connect is over.
        """
        if self.patience is None:
            return aiohttp.ClientTimeout(
                total=longest_s,
                connect=self._timeouts.get("pool"),
                sock_connect=_shorter(self._timeouts.get("connect"), longest_connect_s),
                sock_read=_as_it_is(self),
            )
        left = self.patience.connect()
        if left <= 0.0:  # aiohttp takes it for no limit at all
            raise httpx2.ConnectTimeout(LATE, request=self._request)
        return aiohttp.ClientTimeout(
            total=longest_s,
            connect=left,
            sock_connect=longest_connect_s,
            sock_read=_as_it_is(self),
            ceil_threshold=inf,
        )

    def until_answered(self) -> asyncio.Timeout:
        """Return the bounds of the block in which the request is sent and the head of its answer arrives.

        :raises TimeoutError: the exchange was cancelled.
        """
        if self.cancelled:
            raise TimeoutError
        self._limit = asyncio.timeout(None if self.patience is None else self.patience.read())
        return self._limit

    def answered(self, answer: aiohttp.ClientResponse) -> None:
        """Note that the head of its answer is there.

        :raises TimeoutError: too late, it was cancelled in the meantime. The connection is left.
        """
        if self._wire is not None:
            self._wire.answered()
        if self.cancelled:
            answer.close()
            raise TimeoutError

    def watch(self, break_off: Callable[[], None]) -> Watch | None:
        """Return what watches the reads of the answer's body; None: aiohttp does."""
        return None if self.patience is None else Watch(self._loop, self.patience, break_off)

    def failure(self, error: BaseException, *, late: bool = False) -> httpx2.RequestError:
        """Return the httpx2 error for what aiohttp raised, and for what this exchange had it raise."""
        if self.cancelled:
            return httpx2.ReadError(ENDED, request=self._request)
        if late or type(error) is TimeoutError:
            return self._late()(LATE, request=self._request)
        return broken(error, self._request)

    def _late(self) -> type[httpx2.RequestError]:
        if self._wire is None:
            return httpx2.ConnectTimeout
        return httpx2.WriteTimeout if self._wire.unsent else httpx2.ReadTimeout

    # ------------------------------------------------------------------ which connection

    def taken(self, wire: Connection) -> None:
        """Note the connection that serves it: it is open now."""
        self._wire = wire

    # ------------------------------------------------------------------ its end

    def end(self) -> None:
        """Leave the connection if the answer isn't complete. Calling it twice is no error."""
        self._in_its_loop(self._end)

    def cancel(self) -> None:
        """End the connection from any thread: whoever waits for it wakes up."""
        self.cancelled = True
        self._in_its_loop(self._wake)

    def keep_in(self, keeper: set[AwaitedExchange]) -> None:
        """Be kept alive until it is over: whoever got its answer may drop it without a word."""
        self._keeper = keeper
        keeper.add(self)

    def over(self) -> None:
        """Let go of the connection, which may serve another exchange from now on."""
        self._wire = self.flow = self._limit = None
        if self._keeper is not None:
            self._keeper.discard(self)
        self._ticket.release(self)

    def _end(self) -> None:
        if self.flow is not None:
            self.flow.end()
        else:
            self.cancelled = True
            self._wake()

    def _wake(self) -> None:
        if self.flow is not None:
            self.flow.break_off()
        elif self._limit is not None and not self._limit.expired() and not self._loop.is_closed():
            self._limit.reschedule(self._loop.time())

    def _in_its_loop(self, act: Callable[[], None]) -> None:
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop or self._loop.is_closed():
            act()
        else:
            with suppress(RuntimeError):  # the loop has just ended, and its connections with it
                self._loop.call_soon_threadsafe(act)


def _as_it_is(exchange: AwaitedExchange) -> Any:  # noqa: ANN401 - it stands where aiohttp's types want a number
    return exchange


def _shorter(one: float | None, other: float | None) -> float | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
