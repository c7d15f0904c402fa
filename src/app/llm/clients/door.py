"""The door: what every request must show before it leaves, and where its key is put on."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from app.errors import TransportRefused
from app.llm.catalog.headers import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.clients.outgoing import AUTH_HEADER, TICKET_HEADER, checked_origin, without_credentials
from app.llm.clients.spec import check_bound
from app.llm.clients.tickets import Ticket, at_hand

if TYPE_CHECKING:
    import httpx2

    from app.llm.clients.outgoing import Header
    from app.llm.clients.spec import Credential

__all__ = [
    "KEY_IS_ATTACHED_BY_THE_TRANSPORT",
    "TICKET_HEADER",
    "Admission",
    "Door",
    "Ticket",
]

IDENTITY = (b"Accept-Encoding", b"identity")
"""A user's own endpoint has to answer plainly: a few compressed bytes could fill the memory."""


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
        if text != at_hand.get():
            raise TransportRefused("a request under the ticket of another call was refused")
        if ticket.patience is not None and ticket.patience.read() <= 0.0:
            raise _too_late(request)
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


def _too_late(request: httpx2.Request) -> Exception:
    import httpx2

    return httpx2.ConnectTimeout("its time was over before it was sent", request=request)


def _revealed(credential: Credential) -> bytes:
    # What can't be in a header is refused here: the libraries below would quote the key in their own errors.
    secret = credential.reveal()
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise TransportRefused(
            f"the credential from {credential.source} can't be a key: it is blank, has space around it, "
            "or holds a line break or a character beyond ASCII"
        )
    return secret.encode()
