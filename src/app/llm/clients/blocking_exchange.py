"""One request of a thread and its answer: how long each wait may last, and how another thread ends it."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Protocol

import httpcore2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.clients.tickets import Ticket

ENDED = "the exchange was ended by its own side"
LATE = "its time is over"


class Connection(Protocol):
    """What serves an exchange."""

    def shut(self) -> None:
        """End the connection under whoever is waiting for it."""
        ...


class Body(Protocol):
    """What is read of an answer."""

    def end(self) -> None:
        """Leave the connection if the answer isn't complete. Calling it twice is no error."""
        ...


class BlockingExchange:
    """A request and its answer on their way. Sockets are given it in place of each time-out, and ask it anew.

    httpcore2 takes a time-out once for a whole answer and hands it down as it is: a number would hold for
    each wait alone, where the ticket's patience has a moment that content moves.
    """

    __slots__ = (
        *("_at_once", "_connecting", "_lock", "_opens_by", "_patience", "_ticket", "_timeouts", "_wire"),
        *("__weakref__", "cancelled", "flow"),
    )

    def __init__(self, ticket: Ticket, timeouts: Mapping[str, float | None]) -> None:
        self._ticket, self._timeouts, self._patience = ticket, timeouts, ticket.patience
        self._opens_by = 0.0
        self._lock = threading.Lock()
        self._wire: Connection | None = None
        self._connecting, self._at_once = True, False
        self.flow: Body | None = None
        """The answer's body, once it is arriving."""
        self.cancelled = False

    # ------------------------------------------------------------------ how long, in seconds (None: for ever)

    def limits(self) -> dict[str, object]:
        """Return what httpcore2 is given as time-outs. The time to connect begins.

        :raises httpcore2.ConnectTimeout: there is none.
        """
        if self._patience is not None:
            self._opens_by = monotonic() + self._patience.connect()
        pool = self._timeouts.get("pool") if self._patience is None else self.to_connect()
        return {"pool": pool, "connect": self, "write": self, "read": self}

    def to_connect(self, shares: int = 1) -> float | None:
        """Return how long the next step of opening a connection may take: one of `shares` that are to come.

        :raises httpcore2.ConnectTimeout: the time for it is over.
        :raises httpcore2.ConnectError: the exchange was cancelled.
        """
        if self.cancelled:
            raise httpcore2.ConnectError(ENDED)
        if self._patience is None:
            return self._timeouts.get("connect")
        left = min(self._opens_by - monotonic(), self._patience.connect())
        if left <= 0.0:
            raise httpcore2.ConnectTimeout(LATE)
        return left / shares

    def to_write(self) -> float | None:
        """Return how long it may take until the next bytes are written.

        :raises httpcore2.WriteTimeout: the time for it is over.
        :raises httpcore2.WriteError: the exchange was cancelled.
        """
        if self.cancelled:
            raise httpcore2.WriteError(ENDED)
        return self.to_connect() if self._connecting else self._left("write", httpcore2.WriteTimeout)

    def to_read(self) -> float | None:
        """Return how long it may take until the next bytes are there.

        :raises httpcore2.ReadTimeout: the time for it is over.
        :raises httpcore2.ReadError: the exchange was cancelled.
        """
        if self.cancelled:
            raise httpcore2.ReadError(ENDED)
        if self._at_once:
            return 0.0
        return self.to_connect() if self._connecting else self._left("read", httpcore2.ReadTimeout)

    def late(self, kind: type[httpcore2.TimeoutException]) -> httpcore2.TimeoutException:
        """Return the error for a wait that was too long; a proxy's own answer is part of connecting."""
        return (httpcore2.ConnectTimeout if self._connecting else kind)(LATE)

    def hurry(self) -> None:
        """Wait no more: from now on only what is there already is read."""
        self._at_once = True

    def _left(self, what: str, late: type[httpcore2.TimeoutException]) -> float | None:
        if self._patience is None:
            return self._timeouts.get(what)
        left = self._patience.read()
        if left <= 0.0:
            raise late(LATE)
        return left

    # ------------------------------------------------------------------ which connection

    def take(self, wire: Connection) -> None:
        """Note the connection that is being opened."""
        self._wire = wire

    def sending(self, wire: Connection, data: bytes) -> None:
        """Note the connection over which bytes are about to go; but for words to a proxy, it is open now."""
        if self._connecting and not data.startswith(b"CONNECT "):
            self._wire, self._connecting = wire, False

    # ------------------------------------------------------------------ its end

    def end(self) -> None:
        """Leave the connection if the answer isn't complete. Calling it twice is no error."""
        if self.flow is not None:
            self.flow.end()
        else:
            self.cancel()

    def cancel(self) -> None:
        """End the connection from any thread: whoever waits for it wakes up, and closes it."""
        # The mark goes first: whoever begins to wait from now on sees it.
        self.cancelled = True
        with self._lock:
            if self._wire is not None:
                self._wire.shut()

    def over(self) -> None:
        """Let go of the connection, which may serve another exchange from now on."""
        with self._lock:
            self._wire = self.flow = None
        self._ticket.release(self)
