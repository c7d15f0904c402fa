"""A ban on real requests: whatever would leave to a provider raises instead, and says what to do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from app.containers import lasting
from app.errors import RealRequestForbidden
from app.llm.clients.guard.ranges import is_loopback
from app.llm.clients.spec import origin_of
from app.testing.watched import WatchedTransport

if TYPE_CHECKING:
    import httpx2

    from app.llm.clients.door import Ticket
    from app.llm.clients.guard.judging import Guard
    from app.llm.clients.patience import Patience
    from app.llm.clients.spec import Grant


class ForbiddingTransport(WatchedTransport):
    """A transport that lets nothing out; with `allow_loopback`, only to addresses of this machine.

    A request is refused before its key is looked up, so no access token is fetched for it either.
    """

    def __init__(self, guard: Guard | None = None, *, allow_loopback: bool = False) -> None:
        super().__init__(guard)
        self._allow_loopback = allow_loopback
        self._providers: dict[str, str] = {}

    def ticket(self, grant: Grant, patience: Patience | None = None) -> Ticket:
        """Return a ticket, as any transport does."""
        if grant.credential is not None:
            self._providers[grant.origin] = grant.credential.provider
        return super().ticket(grant, patience)

    def leaving(self, request: httpx2.Request) -> None:
        """Raise RealRequestForbidden, unless the request goes to this machine and may."""
        host = request.url.host
        if self._allow_loopback and is_this_machine(host):
            return
        provider = self._providers.get(origin_of(str(request.url)))
        whose = f"provider {provider!r} at {host}" if provider else host
        variable = f"{provider.upper()}_BASE_URL" if provider else "<PROVIDER>_BASE_URL"
        raise RealRequestForbidden(
            f"a test forbids real requests, and one would go to {whose}: give the feature its answers with "
            f"app.testing.answering(container, ...), or lead {variable} to a server on this machine "
            "and allow loopback"
        )


class Ban:
    """A ban that is in force; as a `with` statement, until the end of its block."""

    def __init__(self, container: Any, *, allow_loopback: bool) -> None:  # noqa: ANN401 - as below
        self._container = container
        make = partial(ForbiddingTransport, allow_loopback=allow_loopback)
        container.transport.override(lasting(make, container.endpoint_guard))

    def __enter__(self) -> None:
        """Nothing to do: it is in force already."""

    def __exit__(self, *_: object) -> None:
        """Lift the ban, and close what was open under it."""
        if not isinstance(self._container, type):
            self._container.transport().close()
        self._container.transport.reset_last_overriding()


def forbid_real_requests(
    container: Any,  # noqa: ANN401 - Container() returns a DynamicContainer; its class is none
    *,
    allow_loopback: bool = False,
) -> Ban:
    """Forbid a container real requests, from now on; as a `with` statement, until the end of its block.

    Given the class `Container`, it holds for every container that is made from now on: what the plugin does.
    A container that is given a transport of its own keeps that.
    """
    return Ban(container, allow_loopback=allow_loopback)


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, by name or address."""
    return is_loopback(host.strip("[]")) or host == "localhost"
