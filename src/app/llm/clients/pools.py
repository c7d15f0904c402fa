"""Pools of connections that threads share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore2
import httpx2

from app.llm.clients.sockets import free_lock

if TYPE_CHECKING:
    import ssl

    from app.llm.clients.blocking_exchange import BlockingExchange
    from app.llm.clients.door import Admission

CONNECTIONS, IDLE_CONNECTIONS, IDLE_SECONDS = 1000, 100, 15.0


class Pool:
    """Connections to wherever its network leads, by a proxy if there is one. They are used again."""

    def __init__(
        self,
        network: httpcore2.NetworkBackend,
        context: ssl.SSLContext,
        proxy: str | None = None,
        most: int = CONNECTIONS,
    ) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            proxy=None if proxy is None else _proxy(proxy, context),
            max_connections=most,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=network,
        )

    def send(self, admission: Admission, body: bytes, exchange: BlockingExchange) -> httpcore2.Response:
        """Send a request, framed here, once, and return its answer, whose body is still to be read.

        :raises UserEndpointRefused: it would leave to a place that isn't allowed.
        :raises Exception: one of `httpcore2_failures.BROKEN`.
        """
        url = admission.url
        return self._pool.handle_request(
            httpcore2.Request(
                admission.method,
                httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=[*admission.headers, (b"Content-Length", b"%d" % len(body))],
                content=body,
                extensions={"timeout": exchange.limits()},
            )
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def leave_to_parent(self) -> None:
        """In a forked child, free the lock that a thread of the parent may hold."""
        free_lock(self._pool)


def _proxy(url: str, context: ssl.SSLContext) -> httpcore2.Proxy:
    named = httpx2.Proxy(url)  # which takes a name and password out of the address
    return httpcore2.Proxy(
        httpcore2.URL(scheme=named.url.raw_scheme, host=named.url.raw_host, port=named.url.port, target=b""),
        auth=named.raw_auth,
        ssl_context=context if named.url.scheme == "https" else None,
    )
