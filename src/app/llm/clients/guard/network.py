"""The sockets to users' own endpoints, for calls from threads: to judged addresses, and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore2

from app.errors import TransportRefused
from app.llm.clients.guard.answers import Meter, shortest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from app.llm.clients.guard.judging import Guard, Reach


class JudgedNetwork(httpcore2.NetworkBackend):
    """The way to addresses that were judged: a name is asked for once, and the judged is connected to."""

    def __init__(self, guard: Guard, reach: Reach) -> None:
        self._guard, self._reach = guard, reach
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to the first of a host's addresses that takes one.

        :raises UserEndpointRefused: one of the addresses may not be called.
        """
        del local_address
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            self._guard.check(address, self._reach)
            try:
                stream = self._plain.connect_tcp(address, port, shortest(timeout), None, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return MeteredStream(stream, Meter(self._guard.response_limit))
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Raise TransportRefused: no user's endpoint is a file of this machine."""
        del path, timeout, socket_options
        raise TransportRefused("a user's own endpoint was to be reached through a file of this machine")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return self._guard.addresses(host, port, self._reach)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


class MeteredStream(httpcore2.NetworkStream):
    """A connection to a user's own endpoint, and the count of what came over it."""

    def __init__(self, stream: httpcore2.NetworkStream, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes. Raises UserEndpointRefused when they are too many, or too late."""
        return self._meter.arrived(self._stream.read(max_bytes, self._meter.time_left(timeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._meter.sending()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Return the connection under TLS, verified against the name that the user gave."""
        return MeteredStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the base class's signature
        """Return what httpcore2 asks about a connection."""
        return self._stream.get_extra_info(info)
