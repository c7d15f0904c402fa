"""The ways of a thread's sockets that no call takes every day."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpcore2
import httpx2
import pytest

from app.llm.clients.blocking_exchange import BlockingExchange
from app.llm.clients.sockets import OpenSockets
from app.llm.clients.wires import Network, Wire
from tests.llm.clients.asking import patience, ticket_at, whole

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport

NOWHERE = "http://127.0.0.1:1"
NO_SUCH_FAMILY = (-7, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))


class Addressed(Network):
    """A network whose every host has the same addresses."""

    def __init__(self, *addresses: tuple[object, ...]) -> None:
        super().__init__(OpenSockets())
        self._addresses = list(addresses)

    def addresses(self, host: str, port: int) -> list[tuple[object, ...]]:
        """Return the addresses."""
        del host, port
        return self._addresses


def here(port: int) -> tuple[object, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))


@pytest.fixture
def exchange(transport: Transport) -> BlockingExchange:
    one = BlockingExchange(ticket_at(transport, NOWHERE, patience()), {})
    one.limits()
    return one


def test_a_host_without_an_address_cant_be_reached(transport: Transport) -> None:
    with pytest.raises(httpx2.ConnectError):
        whole(transport, ticket_at(transport, "http://no-such-host.invalid"), "http://no-such-host.invalid")


def test_the_next_address_is_tried(exchange: BlockingExchange) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        network = Addressed(NO_SUCH_FAMILY, here(1), here(port))
        wire = network.connect_tcp("anywhere", 80, exchange)
        assert wire.get_extra_info("socket").getpeername()[1] == port
        wire.close()


def test_addresses_share_the_time_that_is_left(exchange: BlockingExchange) -> None:
    whole_time, half = exchange.to_connect(), exchange.to_connect(2)
    assert whole_time is not None
    assert half is not None
    assert half <= whole_time / 2


@pytest.mark.parametrize("addresses", [(), (NO_SUCH_FAMILY,), (here(1),)])
def test_no_address_that_takes_a_connection_is_an_error(
    exchange: BlockingExchange, addresses: tuple[tuple[object, ...], ...]
) -> None:
    with pytest.raises(httpcore2.ConnectError):
        Addressed(*addresses).connect_tcp("anywhere", 80, exchange)


def test_a_connection_that_was_closed_isnt_used_again() -> None:
    with socket.socket() as plain:
        wire = Wire(plain, OpenSockets())
        wire.close()
        wire.shut()
        assert wire.get_extra_info("is_readable")
        assert wire.get_extra_info("server_addr") is None
