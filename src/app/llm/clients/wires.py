"""The sockets of calls from threads, whose waits are bounded by the exchange that they serve."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpcore2

from app.llm.clients.blocking_exchange import ENDED
from app.llm.clients.inner_tls import InnerTls
from app.llm.clients.sockets import RESET

if TYPE_CHECKING:
    from app.llm.clients.blocking_exchange import BlockingExchange
    from app.llm.clients.sockets import OpenSockets


class Wire(httpcore2.NetworkStream):
    """An open connection. Where httpcore2 names a time-out, it is given the exchange that is served."""

    def __init__(self, plain: socket.socket, sockets: OpenSockets, spoken: InnerTls | None = None) -> None:
        self._plain, self._sockets = sockets.note(plain), sockets
        self._spoken: socket.socket | InnerTls = spoken or plain
        self._lock = threading.Lock()
        self._unanswered = False

    def opening(self, seconds: float | None) -> float | None:
        """Return how long a step of opening it may take, where its exchange would wait so long."""
        return seconds

    def waiting(self, seconds: float | None) -> float | None:
        """Return how long bytes may be waited for, where its exchange would wait so long."""
        return seconds

    def connect(self, exchange: BlockingExchange, address: Any, shares: int) -> None:  # noqa: ANN401 - a family's own
        """Open it; so many addresses share the time that is left. Whoever calls it closes it, if it fails.

        :raises httpcore2.ConnectTimeout: it took too long.
        :raises httpcore2.ConnectError: nobody is there, or the exchange was cancelled.
        """
        try:
            exchange.take(self)
            self._plain.settimeout(self.opening(exchange.to_connect(shares)))
            self._plain.connect(address)
            self._plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            exchange.to_connect()
        except OSError as error:
            raise _of_connecting(error, exchange) from None

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:  # noqa: ANN401 - see the class
        """Return the next bytes; none at the end."""
        exchange: BlockingExchange = timeout
        seconds = self.waiting(exchange.to_read())
        try:
            self._spoken.settimeout(seconds)
            data = self._spoken.recv(max_bytes)
        except TimeoutError:
            raise exchange.late(httpcore2.ReadTimeout) from None
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from None
        self._unanswered = False
        if exchange.cancelled:  # what was shut looks as if it had come to its end
            raise httpcore2.ReadError(ENDED)
        return data

    def write(self, buffer: bytes, timeout: Any = None) -> None:  # noqa: ANN401 - see the class
        """Send bytes."""
        if not buffer:  # httpcore2's word for the end of a request without a body
            return
        exchange: BlockingExchange = timeout
        exchange.sending(self, buffer)
        self._unanswered = True
        unsent = memoryview(buffer)
        try:
            while unsent:
                self._spoken.settimeout(self.waiting(exchange.to_write()))
                unsent = unsent[self._spoken.send(unsent) :]
        except TimeoutError:
            raise exchange.late(httpcore2.WriteTimeout) from None
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from None

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: Any = None,  # noqa: ANN401 - see the class
    ) -> Wire:
        """Return the connection under TLS, verified against a name. This one is no longer to be used."""
        exchange: BlockingExchange = timeout
        upper: Wire = self
        try:
            seconds = self.opening(exchange.to_connect())
            upper, spoken = self._under_tls(ssl_context, server_hostname)
            exchange.take(upper)
            spoken.settimeout(seconds)
            spoken.do_handshake()
            exchange.to_connect()
        except BaseException as error:
            upper.close()
            if isinstance(error, OSError):
                raise _of_connecting(error, exchange) from None
            raise
        return upper

    def close(self) -> None:
        """Close the connection; what is unsent of a request without an answer is dropped."""
        with self._lock:
            if self._unanswered:
                with suppress(OSError):
                    self._plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._plain.close()

    def shut(self) -> None:
        """End the connection under whoever is waiting for it; the socket is still theirs to close."""
        # Under the lock, or the number of a socket that was just closed could be another one's by now.
        with self._lock, suppress(OSError):
            # Not SSLSocket's own, which would have whoever reads go on without TLS.
            socket.socket.shutdown(self._plain, socket.SHUT_RDWR)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the base class's signature
        """Return what httpcore2 asks about a connection."""
        if info == "is_readable":
            return _is_readable(self._plain)
        if info == "socket":
            return self._plain
        return None

    def _under_tls(self, context: ssl.SSLContext, host: str | None) -> tuple[Wire, ssl.SSLSocket | InnerTls]:
        if isinstance(self._plain, ssl.SSLSocket):
            inner = InnerTls(self._plain, context, host)
            return self.upgraded(self._plain, inner), inner
        # The handshake comes later, when another thread can end it.
        secure = context.wrap_socket(self._plain, server_hostname=host, do_handshake_on_connect=False)
        return self.upgraded(secure, None), secure

    def upgraded(self, plain: socket.socket, spoken: InnerTls | None) -> Wire:
        """Return a wire of the same kind over another socket."""
        return Wire(plain, self._sockets, spoken)


class Network(httpcore2.NetworkBackend):
    """The way to the addresses of a host."""

    def __init__(self, sockets: OpenSockets) -> None:
        self._sockets = sockets

    def addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Return a host's addresses as getaddrinfo does. The look-up lasts as long as the system's own does.

        :raises httpcore2.ConnectError: there are none.
        """
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from None

    def wire(self, plain: socket.socket) -> Wire:
        """Return a connection that isn't open yet."""
        return Wire(plain, self._sockets)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,  # noqa: ANN401 - the exchange that is served
        local_address: str | None = None,
        socket_options: object = None,
    ) -> Wire:
        """Return a connection to the first of a host's addresses that takes one."""
        del local_address, socket_options
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        addresses = self.addresses(host, port)
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                plain = _opened(family, kind, protocol)
                return self._connected(plain, timeout, address, len(addresses) - number)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def _connected(
        self,
        plain: socket.socket,
        exchange: BlockingExchange,
        address: Any,  # noqa: ANN401 - a family's own
        shares: int,
    ) -> Wire:
        try:
            wire = self.wire(plain)
            wire.connect(exchange, address, shares)
        except BaseException:
            plain.close()
            raise
        return wire


def _opened(family: int, kind: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, kind, protocol)
    except OSError as error:
        raise httpcore2.ConnectError(str(error)) from None


def _of_connecting(error: OSError, exchange: BlockingExchange) -> Exception:
    """Return what an error means while a connection is being opened."""
    if isinstance(error, TimeoutError):
        return exchange.late(httpcore2.ConnectTimeout)
    return httpcore2.ConnectError(str(error))


def _is_readable(one: socket.socket) -> bool:
    """Whether something has arrived, be it the end: on an idle connection nothing else does."""
    number = one.fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
