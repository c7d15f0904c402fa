"""The door: what every request must show before it leaves, and where its key is put on."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.errors import TransportRefused

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

    from app.llm.clients.spec import AuthScheme, Grant

TICKET_HEADER: Final = "x-pointsman-ticket"
"""Carries a call's ticket through an SDK to the door; it never leaves the process."""

KEY_IS_ATTACHED_BY_THE_TRANSPORT: Final = "key-is-attached-by-the-transport"
"""What SDK clients hold in place of a key. It means nothing to any provider and never leaves the process."""

Header = tuple[bytes, bytes]

_TICKET = TICKET_HEADER.encode()
_MARKER = KEY_IS_ATTACHED_BY_THE_TRANSPORT.encode()
_MARKER_VALUES = frozenset({_MARKER, b"Bearer " + _MARKER})
_AUTH_HEADER: Final[dict[AuthScheme, tuple[bytes, str]]] = {
    "bearer": (b"Authorization", "Bearer "),
    "x-api-key": (b"x-api-key", ""),
    "x-goog-api-key": (b"x-goog-api-key", ""),
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


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may leave: its address, and its headers with the key put on. Never shown, never kept."""

    origin: str
    headers: list[Header]

    def __repr__(self) -> str:
        return f"Admission(origin={self.origin!r})"


class Ticket:
    """The right to send requests under one grant, for the time of a `with` block, whose value is a str."""

    __slots__ = ("_door", "_grant", "_text")

    def __init__(self, door: Door, grant: Grant) -> None:
        self._door = door
        self._grant = grant
        self._text = ""

    def __enter__(self) -> str:
        self._text = self._door.register(self._grant)
        return self._text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._door.forget(self._text)


class Door:
    """The only way out. It knows which tickets are in force and what each one allows."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._prefix = secrets.token_hex(12)
        self._count = itertools.count(1)

    def __repr__(self) -> str:
        return f"Door(tickets={len(self._grants)})"

    def ticket(self, grant: Grant) -> Ticket:
        """Return a context manager whose value is a new ticket, in force until the block ends."""
        return Ticket(self, grant)

    def register(self, grant: Grant) -> str:
        """Put a new ticket in force."""
        text = f"{self._prefix}-{next(self._count)}"
        self._grants[text] = grant
        return text

    def forget(self, ticket: str) -> None:
        """End a ticket. Ending it twice is no error."""
        self._grants.pop(ticket, None)

    def admit(self, request: httpx2.Request) -> Admission:
        """Return what goes on the wire for a request that an SDK built. The request itself stays as it is.

        Raises TransportRefused for a request without a ticket in force, to another origin than its grant's,
        or with a credential of its own in a header, the address or the query.
        """
        grant = self._grants.get(request.headers.get(TICKET_HEADER, ""))
        if grant is None:
            raise TransportRefused("a request without a ticket in force was refused")
        origin = _checked_origin(request, grant)
        headers = _without_credentials(request, grant)
        headers.append((b"Host", request.url.netloc))
        if grant.credential is not None:
            name, prefix = _AUTH_HEADER[grant.auth]
            headers.append((name, (prefix + grant.credential.reveal()).encode("ascii")))
        return Admission(origin, headers)


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
