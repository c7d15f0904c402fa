"""The sockets to users' own endpoints, for calls from threads: to judged addresses, and counted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpcore2

from app.errors import TransportRefused
from app.llm.clients.guard.answers import Meter, shortest
from app.llm.clients.wires import Network, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from app.llm.clients.blocking_exchange import BlockingExchange
    from app.llm.clients.guard.judging import Guard, Reach
    from app.llm.clients.inner_tls import InnerTls
    from app.llm.clients.sockets import OpenSockets


class JudgedNetwork(Network):
    """The way to addresses that were judged: a name is asked for once, and the judged is connected to."""

    def __init__(self, guard: Guard, reach: Reach, sockets: OpenSockets) -> None:
        super().__init__(sockets)
        self._guard, self._reach = guard, reach

    def addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Return the judged addresses of a host.

        :raises UserEndpointRefused: one of the addresses may not be called.
        :raises httpcore2.ConnectError: there are none.
        """
        found: list[tuple[Any, ...]] = []
        try:
            for address in self._guard.addresses(host, port, self._reach):
                found += socket.getaddrinfo(
                    address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
                )
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return found

    def wire(self, plain: socket.socket) -> Wire:
        """Return a connection that isn't open yet, and whose address is judged again when it is."""
        return MeteredWire(plain, self._sockets, meter=Meter(self._guard.response_limit), judge=self._judge)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.NetworkStream:
        """Raise TransportRefused: no user's endpoint is a file of this machine."""
        del path, timeout, socket_options
        raise TransportRefused("a user's own endpoint was to be reached through a file of this machine")

    def _judge(self, address: str) -> None:
        self._guard.check(address, self._reach)


class MeteredWire(Wire):
    """A connection to a user's own endpoint, and the count of what came over it."""

    def __init__(
        self,
        plain: socket.socket,
        sockets: OpenSockets,
        spoken: InnerTls | None = None,
        *,
        meter: Meter,
        judge: Callable[[str], None],
    ) -> None:
        super().__init__(plain, sockets, spoken)
        self._meter, self._judge = meter, judge

    def opening(self, seconds: float | None) -> float | None:
        """Return how long a step of opening it may take: the shorter of two limits."""
        return shortest(seconds)

    def waiting(self, seconds: float | None) -> float | None:
        """Return how long bytes may be waited for: the shorter of two limits.

        :raises UserEndpointRefused: the exchange has taken too long.
        """
        return self._meter.time_left(seconds)

    def connect(self, exchange: BlockingExchange, address: Any, shares: int) -> None:  # noqa: ANN401 - a family's own
        """Open it. Raises UserEndpointRefused if it may not lead there."""
        self._judge(address[0])
        super().connect(exchange, address, shares)

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:  # noqa: ANN401 - the exchange that is served
        """Return the next bytes. Raises UserEndpointRefused when they are too many, or too late."""
        return self._meter.arrived(super().read(max_bytes, timeout))

    def write(self, buffer: bytes, timeout: Any = None) -> None:  # noqa: ANN401 - the exchange that is served
        """Send bytes. Raises UserEndpointRefused when it takes too long."""
        self._meter.sending()
        super().write(buffer, timeout)

    def upgraded(self, plain: socket.socket, spoken: InnerTls | None) -> Wire:
        """Return a wire that counts on, over another socket."""
        return MeteredWire(plain, self._sockets, spoken, meter=self._meter, judge=self._judge)
