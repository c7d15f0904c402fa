"""The door: what every request must show before it leaves, and where its key is put on."""

from __future__ import annotations

import itertools
import secrets
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from app.errors import TransportRefused
from app.llm.catalog.headers import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.clients.outgoing import AUTH_HEADER, TICKET_HEADER, checked_origin, without_credentials
from app.llm.clients.spec import check_bound

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

    from app.llm.clients.outgoing import Header
    from app.llm.clients.spec import Credential, Grant

__all__ = [
    "KEY_IS_ATTACHED_BY_THE_TRANSPORT",
    "TICKET_HEADER",
    "Admission",
    "Door",
    "Exchange",
    "Ticket",
]

_at_hand: ContextVar[str] = ContextVar("pointsman_ticket", default="")
"""The ticket of the call that is made here. No other one is taken, not even one that is in force."""

IDENTITY = (b"Accept-Encoding", b"identity")
"""A user's own endpoint has to answer plainly: a few compressed bytes could fill the memory."""


class Exchange(Protocol):
    """A response that may still be arriving."""

    def end(self) -> None:
        """Leave the connection if the response isn't complete. Calling it twice is no error."""
        ...


class Ticket:
    """The right to send requests under one grant, for the time of a `with` block, whose value is a str.

    Responses that are still arriving when the block ends are ended with it.
    """

    __slots__ = ("_door", "_exchanges", "_text", "admitted", "grant", "key")

    def __init__(self, door: Door, grant: Grant) -> None:
        self._door = door
        self._exchanges: list[Exchange] = []
        self._text = ""
        self.grant = grant
        self.admitted = False
        self.key: str | None = None

    def left(self, key: bytes | None) -> None:
        """Note that a request left, and the key that it carried: to be cut out of what failed."""
        self.admitted = True
        self.key = key.decode() if key else None

    def __enter__(self) -> str:
        self._text = self._door.register(self)
        # It isn't taken back: what stays behind in a generator's caller is a ticket that has ended.
        _at_hand.set(self._text)
        return self._text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.forget(self._text)
        with ExitStack() as every_one:
            for exchange in self._exchanges:
                every_one.callback(exchange.end)

    def hold(self, exchange: Exchange) -> None:
        """End this exchange when the block ends, at once if it has ended."""
        self._exchanges.append(exchange)
        if not self._door.knows(self._text):
            exchange.end()


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may leave, as it was judged, its headers with the key put on. Never shown, never kept.

    Neither method nor address is read from the request again: it is an SDK's, which may change it.
    """

    method: str
    url: httpx2.URL
    origin: str
    headers: list[Header]
    ticket: Ticket

    def __repr__(self) -> str:
        return f"Admission(origin={self.origin!r})"


class Door:
    """The only way out. It knows which tickets are in force and what each one allows."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._prefix = secrets.token_hex(12)
        self._count = itertools.count(1)

    def __repr__(self) -> str:
        return f"Door(tickets={len(self)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a door can't be pickled or copied: its tickets are good in this process only")

    def __len__(self) -> int:
        """Return how many tickets are in force."""
        return len(self._tickets)

    def register(self, ticket: Ticket) -> str:
        """Put a ticket in force, and return its text."""
        text = f"{self._prefix}-{next(self._count)}"
        self._tickets[text] = ticket
        return text

    def knows(self, text: str) -> bool:
        """Whether a ticket is in force."""
        return text in self._tickets

    def forget(self, text: str) -> None:
        """End a ticket. Ending it twice is no error."""
        self._tickets.pop(text, None)

    def admit(self, request: httpx2.Request) -> Admission:
        """Return what goes on the wire for a request that an SDK built. The request itself stays as it is.

        Raises TransportRefused for a request without a ticket in force, under another call's ticket, to
        another origin than its grant's, with a credential of its own in a header, the address or the query,
        or with a word to the connection.
        """
        text = request.headers.get(TICKET_HEADER, "")
        ticket = self._tickets.get(text)
        if ticket is None:
            raise TransportRefused("a request without a ticket in force was refused")
        if text != _at_hand.get():
            raise TransportRefused("a request under the ticket of another call was refused")
        grant = ticket.grant
        check_bound(grant)
        method, url = request.method, request.url
        origin = checked_origin(method, url, grant)
        headers = without_credentials(request, grant)
        if grant.user_named:
            headers = [IDENTITY, *(header for header in headers if header[0].lower() != b"accept-encoding")]
        headers.append((b"Host", url.netloc))
        key = None if grant.credential is None else _revealed(grant.credential)
        if key is not None:
            name, prefix = AUTH_HEADER[grant.auth]
            headers.append((name, prefix + key))
        ticket.left(key)
        return Admission(method, url, origin, headers, ticket)


def _revealed(credential: Credential) -> bytes:
    # What can't be in a header is refused here: the libraries below would quote the key in their own errors.
    secret = credential.reveal()
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise TransportRefused(
            f"the credential from {credential.source} can't be a key: it is blank, has space around it, "
            "or holds a line break or a character beyond ASCII"
        )
    return secret.encode()
