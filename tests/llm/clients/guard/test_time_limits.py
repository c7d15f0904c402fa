"""A user's own endpoint has two limits: the guard's, and the ticket's; the shorter one holds."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import httpcore2
import httpx2
import pytest

from app.llm.clients.awaited_exchange import AwaitedExchange
from app.llm.clients.blocking_exchange import BlockingExchange
from app.llm.clients.guard.answers import LONGEST_CONNECT_S, LONGEST_EXCHANGE_S, Meter
from app.llm.clients.guard.judging import Guard
from app.llm.clients.guard.network import MeteredWire
from app.llm.clients.sockets import OpenSockets
from app.llm.clients.spec import Credential, Grant, origin_of
from app.llm.clients.transport import Transport
from tests.llm.clients.asking import EVERY_WAY, SHORT_S, patience
from tests.llm.clients.peers import CHUNKED, HEAD, chunk, never_answers, never_reads, peer, trickles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.clients.door import Ticket
    from app.llm.clients.patience import Patience
    from tests.llm.clients.asking import Ask
    from tests.llm.clients.peers import Manner

FOR_EVER = 1e9
PING = trickles(HEAD + CHUNKED, chunk(b": ping\n\n"))


@pytest.fixture
def transport() -> Iterator[Transport]:
    one = Transport(Guard(loopback=True))
    yield one
    one.close()


def ticket_of_a_user(transport: Transport, url: str, limits: Patience) -> Ticket:
    origin = origin_of(url)
    own = Credential("own", "user", "the user's request", lambda: "sk-own", endpoint=origin)
    return transport.ticket(Grant(own, origin, "bearer", user_named=True), limits)


@EVERY_WAY
@pytest.mark.parametrize(
    ("manner", "body", "kind"),
    [
        (never_answers, b"{}", httpx2.ReadTimeout),
        (PING, b"{}", httpx2.ReadTimeout),
        (never_reads, b"x" * 30_000_000, httpx2.WriteTimeout),
    ],
    ids=["silence", "pings", "a request that isn't taken"],
)
def test_a_short_patience_is_kept(
    transport: Transport, ask: Ask, manner: Manner, body: bytes, kind: type[Exception]
) -> None:
    transport.awaiting_line()
    with peer(manner) as one:
        ticket = ticket_of_a_user(transport, one.origin, patience(one.clock, first_s=SHORT_S))
        with pytest.raises(kind):
            ask(transport, ticket, one.origin, body)
        assert one.was_left()


def endless() -> Patience:
    return patience(connect_s=FOR_EVER, first_s=FOR_EVER, left_s=FOR_EVER)


def test_a_long_one_ends_with_the_guards_own_limits_in_threads(transport: Transport) -> None:
    exchange = BlockingExchange(ticket_of_a_user(transport, "http://127.0.0.1:1", endless()), {})
    exchange.limits()
    with socket.socket() as plain:
        meter = Meter(1, clock=lambda: 1.0)
        wire = MeteredWire(plain, OpenSockets(), meter=meter, judge=lambda _: None)
        assert wire.opening(exchange.to_connect()) == LONGEST_CONNECT_S
        exchange.sending(wire, b"POST")
        meter.sending()
        assert wire.waiting(exchange.to_write()) == LONGEST_EXCHANGE_S
        assert wire.waiting(exchange.to_read()) == LONGEST_EXCHANGE_S
        with pytest.raises(httpcore2.WriteError):
            wire.write(b"to nobody", exchange)


async def test_a_long_one_ends_with_the_guards_own_limits_in_loops(transport: Transport) -> None:
    ticket = ticket_of_a_user(transport, "http://127.0.0.1:1", endless())
    exchange = AwaitedExchange(
        ticket, httpx2.Request("POST", "http://127.0.0.1:1"), asyncio.get_running_loop()
    )
    limits = exchange.limits(LONGEST_EXCHANGE_S, LONGEST_CONNECT_S)
    assert (limits.total, limits.sock_connect) == (LONGEST_EXCHANGE_S, LONGEST_CONNECT_S)
