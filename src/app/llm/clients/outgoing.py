"""What a request may say on its own, before the door puts its key on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.errors import TransportRefused
from app.llm.byok.endpoint_url import DEFAULT_PORTS
from app.llm.catalog.headers import (
    CREDENTIAL,
    FOREIGN,
    FRAMING,
    KEY_IS_ATTACHED_BY_THE_TRANSPORT,
    objection_to,
)

if TYPE_CHECKING:
    import httpx2

    from app.llm.clients.spec import AuthScheme, Grant

TICKET_HEADER: Final = "x-pointsman-ticket"
"""Carries a call's ticket through an SDK to the door; it never leaves the process."""

AUTH_HEADER: Final[dict[AuthScheme, tuple[bytes, bytes]]] = {
    "bearer": (b"Authorization", b"Bearer "),
    "x-api-key": (b"x-api-key", b""),
    "x-goog-api-key": (b"x-goog-api-key", b""),
}
"""Where each scheme carries a key, and what stands before it."""

Header = tuple[bytes, bytes]

_MARKER = KEY_IS_ATTACHED_BY_THE_TRANSPORT.encode()
_MARKER_VALUES = frozenset({_MARKER, b"Bearer " + _MARKER})
_MARKED_HEADERS = frozenset(name.lower() for name, _ in AUTH_HEADER.values())
_REPLACED_HEADERS = FRAMING | {TICKET_HEADER.encode()}
"""What the door and the lines write themselves."""
_STAINLESS = ("arch", "async", "lang", "os", "package-version", "read-timeout", "retry-count", "runtime")
_PLAIN_HEADERS = frozenset(
    {b"accept", b"accept-encoding", b"content-type", b"user-agent", b"x-title", b"x-goog-api-client"}
    | {b"anthropic-version", b"x-stainless-runtime-version"}
    | {f"x-stainless-{name}".encode() for name in _STAINLESS}
)
_PLAIN_QUERIES = frozenset({b"", b"alt=sse", b"beta=true"})
"""Headers and queries of nearly every request, spared the closer look."""
_PAGES = frozenset({b"page_token", b"next_page_token"})
"""Parameters that say where a list goes on."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""CONNECT would make a tunnel of a shared connection, and TRACE would have the key repeated in the answer."""


def checked_origin(method: str, url: httpx2.URL, grant: Grant) -> str:
    """Return an address's origin, which is its grant's.

    Raises TransportRefused for another one, for a method that no model is asked with, and for an address that
    carries a user name, a password, a key in its query, or the marker that stands for a key.
    """
    origin = f"{url.scheme}://{url.raw_host.decode()}:{url.port or DEFAULT_PORTS.get(url.scheme, 0)}"
    if origin != grant.origin:
        raise TransportRefused(f"a request to {origin} was refused: its ticket is for {grant.origin}")
    if method not in _METHODS:
        raise TransportRefused(f"a request to {origin} was refused: no model is asked with {method!r}")
    if url.userinfo:
        raise TransportRefused(
            f"a request to {origin} was refused: its address carries a user name or password"
        )
    if _MARKER in url.raw_path:
        raise TransportRefused(f"a request to {origin} was refused: its address has a place for a key")
    if url.query not in _PLAIN_QUERIES:
        _check_query(url, origin)
    return origin


def without_credentials(request: httpx2.Request, grant: Grant) -> list[Header]:
    """Return the headers without ticket, host, framing and marker.

    Raises TransportRefused for any credential that isn't the marker, for what is said to the connection, and
    for a value that could end its header or that the lines would spell differently.
    """
    kept: list[Header] = []
    for header in request.headers.raw:
        name = header[0].lower()
        if name in _PLAIN_HEADERS:
            kept.append(header)
        elif name in _MARKED_HEADERS:
            if header[1] not in _MARKER_VALUES:
                raise _refused(name, FOREIGN, grant)
        elif name not in _REPLACED_HEADERS:
            _check_name(name, grant)
            kept.append(header)
    values = b"".join([value for _, value in kept])
    if not (values.isascii() and values.decode().isprintable()):
        raise TransportRefused(
            f"a request to {grant.origin} was refused: a header's value has a line break, another control "
            "character or one beyond ASCII"
        )
    return kept


def _check_query(url: httpx2.URL, origin: str) -> None:
    for name in url.params:
        spelt = name.lower().encode()
        if spelt not in _PAGES and CREDENTIAL.search(spelt):
            raise TransportRefused(
                f"a request to {origin} was refused: query parameter {name!r} carries a key"
            )


def _check_name(name: bytes, grant: Grant) -> None:
    objection = objection_to(name)
    if objection is not None:
        raise _refused(name, objection, grant)


def _refused(name: bytes, objection: str, grant: Grant) -> TransportRefused:
    shown = name.decode("latin-1")
    return TransportRefused(f"a request to {grant.origin} was refused: header {shown!r} {objection}")
