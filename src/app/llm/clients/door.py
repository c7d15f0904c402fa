"""The door: what every request must show before it leaves, and where its key is put on."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from app.errors import TransportRefused

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

    from app.llm.clients.spec import AuthScheme, Credential, Grant

TICKET_HEADER: Final = "x-pointsman-ticket"
"""Carries a call's ticket through an SDK to the door; it never leaves the process."""

KEY_IS_ATTACHED_BY_THE_TRANSPORT: Final = "key-is-attached-by-the-transport"
"""What SDK clients hold in place of a key. It means nothing to any provider and never leaves the process."""

Header = tuple[bytes, bytes]

_TICKET = TICKET_HEADER.encode()
_MARKER = KEY_IS_ATTACHED_BY_THE_TRANSPORT.encode()
_MARKER_VALUES = frozenset({_MARKER, b"Bearer " + _MARKER})
_AUTH_HEADER: Final[dict[AuthScheme, tuple[bytes, bytes]]] = {
    "bearer": (b"Authorization", b"Bearer "),
    "x-api-key": (b"x-api-key", b""),
    "x-goog-api-key": (b"x-goog-api-key", b""),
}
_CREDENTIAL_HEADERS = frozenset(
    {
        b"authorization",
        b"proxy-authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-goog-iam-authorization-token",
        b"x-auth-token",
        b"cookie",
    }
)
_CREDENTIAL_PARAMETERS = frozenset(
    {"key", "api_key", "apikey", "api-key", "access_token", "auth_token", "token", "subscription-key"}
)
_REPLACED_HEADERS = frozenset({_TICKET, b"host"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Exchange(Protocol):
    """A response that may still be arriving."""

    def end(self) -> None:
        """Leave the connection if the response isn't complete. Calling it twice is no error."""
        ...


class Ticket:
    """The right to send requests under one grant, for the time of a `with` block, whose value is a str.

    Responses that are still arriving when the block ends are ended with it.
    """

    __slots__ = ("_door", "_exchanges", "_text", "grant")

    def __init__(self, door: Door, grant: Grant) -> None:
        self._door = door
        self._exchanges: list[Exchange] = []
        self._text = ""
        self.grant = grant

    def __enter__(self) -> str:
        self._text = self._door.register(self)
        return self._text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.forget(self._text)
        for exchange in self._exchanges:
            exchange.end()

    def hold(self, exchange: Exchange) -> None:
        """End this exchange when the block ends, at once if it has ended."""
        self._exchanges.append(exchange)
        if not self._door.knows(self._text):
            exchange.end()


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may leave: its address, and its headers with the key put on. Never shown, never kept."""

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
        return f"Door(tickets={len(self._tickets)})"

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

        Raises TransportRefused for a request without a ticket in force, to another origin than its grant's,
        or with a credential of its own in a header, the address or the query.
        """
        ticket = self._tickets.get(request.headers.get(TICKET_HEADER, ""))
        if ticket is None:
            raise TransportRefused("a request without a ticket in force was refused")
        grant = ticket.grant
        origin = _checked_origin(request, grant)
        headers = _without_credentials(request, grant)
        headers.append((b"Host", request.url.netloc))
        if grant.credential is not None:
            name, prefix = _AUTH_HEADER[grant.auth]
            headers.append((name, prefix + _revealed(grant.credential)))
        return Admission(origin, headers, ticket)


def _revealed(credential: Credential) -> bytes:
    # What can't be in a header is refused here: the libraries below would quote the key in their own errors.
    secret = credential.reveal()
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise TransportRefused(
            f"the credential from {credential.source} can't be a key: it is blank, has space around it, "
            "or holds a line break or a character beyond ASCII"
        )
    return secret.encode()


def _checked_origin(request: httpx2.Request, grant: Grant) -> str:
    url = request.url
    origin = f"{url.scheme}://{url.host}:{url.port or _DEFAULT_PORTS.get(url.scheme, 0)}"
    if origin != grant.origin:
        raise TransportRefused(f"a request to {origin} was refused: its ticket is for {grant.origin}")
    if url.userinfo:
        raise TransportRefused(
            f"a request to {origin} was refused: its address carries a user name or password"
        )
    if url.query:
        _check_query(url, origin)
    return origin


def _check_query(url: httpx2.URL, origin: str) -> None:
    for name in url.params:
        if name.lower() in _CREDENTIAL_PARAMETERS:
            raise TransportRefused(
                f"a request to {origin} was refused: query parameter {name!r} carries a key"
            )


def _without_credentials(request: httpx2.Request, grant: Grant) -> list[Header]:
    """Return the headers without ticket, host and marker; refuse any credential that isn't the marker."""
    kept: list[Header] = []
    for name, value in request.headers.raw:
        lowered = name.lower()
        if lowered in _CREDENTIAL_HEADERS:
            if value not in _MARKER_VALUES:
                raise TransportRefused(
                    f"a request to {grant.origin} was refused: header {lowered.decode()!r} "
                    "carries a credential that the transport didn't attach"
                )
        elif lowered not in _REPLACED_HEADERS:
            kept.append((name, value))
    return kept
