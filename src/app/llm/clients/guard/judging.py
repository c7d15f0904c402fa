"""Guard: where a user's own endpoint may be, judged before a connection and again at its last moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from app.errors import SettingsError, UserEndpointRefused
from app.llm.byok.endpoint_url import canonical_url
from app.llm.clients.guard.naming import Names, system_names
from app.llm.clients.guard.ranges import is_loopback, objection_to
from app.llm.clients.spec import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.settings import Settings

Reach = Literal["public", "loopback", "opened"]
"""What a connection may lead to: public addresses, this machine's own, or what the operator opened."""
REACHES: tuple[Reach, ...] = ("public", "loopback", "opened")
MOST_ADDRESSES = 4
"""How many addresses of one host are tried: each may take a whole connect timeout."""
RESPONSE_LIMIT = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Guard:
    """What the operator allows of endpoints that users name; by default, public ones over https.

    `opened` are origins (`https://llm.corp.example:443`) that may lead anywhere, `response_limit` is bytes,
    `names` is whom it asks for addresses.
    """

    loopback: bool = False
    opened: frozenset[str] = frozenset()
    response_limit: int = RESPONSE_LIMIT
    names: Names = field(default=system_names, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Guard:
        """Return the guard that the settings want.

        :raises SettingsError: an opened host isn't one.
        """
        return cls(
            loopback=settings.user_endpoint_loopback,
            opened=opened_origins(settings.user_endpoint_hosts),
            response_limit=settings.user_endpoint_response_limit,
        )

    def reach(self, origin: str) -> Reach:
        """Return what a connection to this origin may lead to. Nobody is asked.

        :raises UserEndpointRefused: it may not be called, whatever its name leads to.
        """
        if origin in self.opened:
            return "opened"
        scheme, _, authority = origin.partition("://")
        reach: Reach = "public" if scheme == "https" else "loopback"
        if reach == "loopback" and not self.loopback:
            raise UserEndpointRefused("it isn't https")
        host = authority.rpartition(":")[0]
        if _is_address(host):
            self.check(host, reach)
        return reach

    def addresses(self, host: str, port: int, reach: Reach) -> list[str]:
        """Return the addresses to which a connection to this host may go, after one question.

        :raises UserEndpointRefused: one of its addresses may not be called.
        :raises OSError: it has none.
        """
        found = [host] if _is_address(host) else list(self.names(host, port))
        for address in found:
            self.check(address, reach)
        if not found:
            raise OSError(f"{host} has no address")
        return found[:MOST_ADDRESSES]

    def check(self, address: str, reach: Reach) -> None:
        """Raise UserEndpointRefused unless a connection of this reach may go to this address."""
        if reach == "opened" or (reach == "loopback" and is_loopback(address)):
            return
        if reach == "loopback":
            raise UserEndpointRefused("it isn't https, and not on this machine")
        kind = objection_to(address)
        if kind is not None:
            raise UserEndpointRefused(f"its address isn't a public one: it is {kind}")


def opened_origins(entries: Iterable[str]) -> frozenset[str]:
    """Return the origins that the operator's entries name: `host`, `host:port` (https), or a whole origin.

    :raises SettingsError: an entry is something else.
    """
    return frozenset(map(_opened, entries))


def _opened(entry: str) -> str:
    try:
        url = canonical_url(entry if "://" in entry else f"https://{entry}")
    except UserEndpointRefused as error:
        raise SettingsError(f"POINTSMAN_USER_ENDPOINT_HOSTS: {entry!r} is no host: {error.reason}") from None
    if urlsplit(url).path:
        raise SettingsError(
            f"POINTSMAN_USER_ENDPOINT_HOSTS: {entry!r} has a path: an origin is opened as a whole"
        )
    return origin_of(url)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
