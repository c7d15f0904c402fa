"""The shared transport: the only way from this process to a provider."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn

from app.errors import ResourceClosed
from app.llm.clients.door import Door, Ticket
from app.llm.clients.guard.judging import Guard
from app.llm.clients.proxies import Proxies
from app.llm.clients.tls import SharedTls
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from app.llm.clients.awaiting import AwaitingLine
    from app.llm.clients.blocking import BlockingLine
    from app.llm.clients.httpx2_clients import AsyncDoorClient, DoorClient
    from app.llm.clients.patience import Patience
    from app.llm.clients.spec import Grant


class Transport:
    """The one door to all providers, for threads and event loops alike. It keeps connections, and no secret.

    SDK clients are built over `client` and `async_client`; each call gets a `ticket`. No library is imported
    and nothing is opened before the first need of it. A forked child opens connections of its own. `guard`
    judges the endpoints that users name.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self._door = Door()
        self._guard = Guard() if guard is None else guard
        self._proxies = Proxies()
        self._tls = SharedTls()
        self._lock = threading.RLock()
        self._closed = False
        self._blocking: BlockingLine | None = None
        self._awaiting: AwaitingLine | None = None
        self._client: DoorClient | None = None
        self._async_client: AsyncDoorClient | None = None
        self._parents: list[BlockingLine | AwaitingLine] = []
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"Transport({'closed' if self._closed else 'open'}, calls under way: {len(self._door)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a transport can't be pickled or copied: its connections are this process's own")

    def ticket(self, grant: Grant, patience: Patience | None = None) -> Ticket:
        """Return a context manager whose value is a ticket (a str) for requests under this grant.

        The ticket travels through an SDK in the header `TICKET_HEADER`, and ends with the block. `patience`
        says how long its requests may wait, in place of the time-outs that the SDK gives them.
        """
        return Ticket(self._door, grant, patience)

    def client(self) -> DoorClient:
        """Return the http client for synchronous SDK clients; all of them share it."""
        with self._lock:
            if self._client is None:
                from app.llm.clients.httpx2_clients import DoorClient

                self._client = DoorClient(self.blocking_line)
            return self._client

    def async_client(self) -> AsyncDoorClient:
        """Return the http client for asynchronous SDK clients; all of them, in all event loops, share it."""
        with self._lock:
            if self._async_client is None:
                from app.llm.clients.httpx2_clients import AsyncDoorClient

                self._async_client = AsyncDoorClient(self.awaiting_line)
            return self._async_client

    def blocking_line(self) -> BlockingLine:
        """Return the way out for threads. Raises ResourceClosed after `close`."""
        if self._blocking is not None:
            return self._blocking
        with self._lock:
            self._refuse_if_closed()
            if self._blocking is None:
                from app.llm.clients.blocking import BlockingLine

                self._blocking = BlockingLine(self._door, self._proxies, self._tls, self._guard)
            return self._blocking

    def awaiting_line(self) -> AwaitingLine:
        """Return the way out for event loops. Raises ResourceClosed after `close`.

        Its first call imports aiohttp (0.1 s and more); call it before traffic to spare a loop the wait.
        """
        if self._awaiting is not None:
            return self._awaiting
        with self._lock:
            self._refuse_if_closed()
            if self._awaiting is None:
                from app.llm.clients.awaiting import AwaitingLine

                self._awaiting = AwaitingLine(self._door, self._proxies, self._tls, self._guard)
            return self._awaiting

    def close(self) -> None:
        """Refuse new requests, let those under way finish, and close the connections after the last of them.

        Calling it twice is no error.
        """
        with self._lock:
            self._closed = True
            lines = (self._blocking, self._awaiting)
        for line in lines:
            if line is not None:
                line.close()

    def renew(self) -> None:
        """In a forked child, leave the connections to the parent, which goes on undisturbed."""
        self._lock = threading.RLock()
        self._tls = SharedTls()
        lines, self._blocking, self._awaiting = (self._blocking, self._awaiting), None, None
        for line in lines:
            if line is not None:
                line.leave_to_parent()
                # Taken down in this process, parts of an event loop would reach into the parent's.
                self._parents.append(line)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ResourceClosed("the transport is closed")
