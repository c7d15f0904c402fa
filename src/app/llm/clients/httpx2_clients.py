"""The http clients that SDKs are given: without connection, cookie, redirect, proxy or key of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import httpx2

from app.errors import TransportRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clients.awaiting import AwaitingLine
    from app.llm.clients.blocking import BlockingLine


class DoorClient(httpx2.Client):
    """An httpx2 client that hands every request to the shared transport as it was built."""

    def __init__(self, line: Callable[[], BlockingLine]) -> None:
        super().__init__(transport=NoWayOut(), trust_env=False)
        self._line = line

    def build_request(self, method: str, url: httpx2.URL | str, **parts: Any) -> httpx2.Request:
        """Return a request of these parts, without anything of the client's own but how it reads answers."""
        return plain_request(self, method, url, parts)

    def send(self, request: httpx2.Request, *, stream: bool = False, **_: object) -> httpx2.Response:
        """Send a request through the door. An SDK's wishes for sign-in flows and redirects have no effect."""
        return self._line().send(request, stream=stream)

    def close(self) -> None:
        """Do nothing: an SDK that closes its client doesn't own the connections."""


class AsyncDoorClient(httpx2.AsyncClient):
    """An asynchronous httpx2 client that hands every request to the shared transport as it was built."""

    def __init__(self, line: Callable[[], AwaitingLine]) -> None:
        super().__init__(transport=NoWayOut(), trust_env=False)
        self._line = line

    def build_request(self, method: str, url: httpx2.URL | str, **parts: Any) -> httpx2.Request:
        """Return a request of these parts, without anything of the client's own but how it reads answers."""
        return plain_request(self, method, url, parts)

    async def send(self, request: httpx2.Request, *, stream: bool = False, **_: object) -> httpx2.Response:
        """Send a request through the door. An SDK's wishes for sign-in flows and redirects have no effect."""
        return await self._line().send(request, stream=stream)

    async def aclose(self) -> None:
        """Do nothing: an SDK that closes its client doesn't own the connections."""


def plain_request(
    client: httpx2.Client | httpx2.AsyncClient, method: str, url: httpx2.URL | str, parts: dict[str, Any]
) -> httpx2.Request:
    """Return a request; `parts` are what `httpx2.Client.build_request` takes. No defaults are merged in."""
    asked = parts.pop("timeout", httpx2.USE_CLIENT_DEFAULT)
    timeout = client.timeout if asked is httpx2.USE_CLIENT_DEFAULT else httpx2.Timeout(asked)
    extensions = {"timeout": timeout.as_dict(), **(parts.pop("extensions", None) or {})}
    request = httpx2.Request(method, url, extensions=extensions, **parts)
    request.headers.setdefault("Accept-Encoding", client.headers["Accept-Encoding"])
    return request


class NoWayOut(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """What stands where an httpx2 client keeps its connections: whatever tries to pass by the door fails."""

    def handle_request(self, request: httpx2.Request) -> NoReturn:
        """Raise TransportRefused."""
        raise TransportRefused(f"a request to {request.url.host} tried to leave past the door")

    async def handle_async_request(self, request: httpx2.Request) -> NoReturn:
        """Raise TransportRefused."""
        raise TransportRefused(f"a request to {request.url.host} tried to leave past the door")
