"""No wait is longer than its ticket allows, whatever the other side does; only content moves the limit."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import httpcore2
import httpx2
import pytest

from app.llm.clients.blocking_exchange import BlockingExchange
from app.llm.clients.door import Admission
from app.llm.clients.pools import Pool
from app.llm.clients.sockets import OpenSockets
from app.llm.clients.wires import Network
from tests.llm.clients.asking import (
    CONTENT,
    EVERY_WAY,
    PIECE_BY_PIECE,
    SHORT_S,
    awhole,
    patience,
    ticket_at,
    whole,
)
from tests.llm.clients.clocks import SPEED
from tests.llm.clients.peers import (
    CHUNKED,
    HEAD,
    chunk,
    never_answers,
    never_reads,
    nobody_accepts,
    peer,
    says,
    trickles,
)
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.clients.patience import Patience
    from app.llm.clients.transport import Transport
    from tests.llm.clients.asking import Ask
    from tests.llm.clients.peers import Manner
    from tests.servers.wire import Received

HUGE = b"x" * 30_000_000
PING = chunk(b": ping\n\n")
WORD = chunk(b"data: word\n\n")


def raised(
    transport: Transport, ask: Ask, url: str, limits: Patience | None, body: bytes = b"{}"
) -> type[Exception]:
    ticket = ticket_at(transport, url, limits)
    with pytest.raises(httpx2.TransportError) as caught:
        ask(transport, ticket, url, body)
    assert repr(transport) == "Transport(open, calls under way: 0)"
    return caught.type


@EVERY_WAY
def test_a_connection_that_nobody_accepts_ends_with_its_time(transport: Transport, ask: Ask) -> None:
    with nobody_accepts() as one:
        assert raised(transport, ask, one.origin, patience(connect_s=SHORT_S)) is httpx2.ConnectTimeout


@EVERY_WAY
def test_a_connection_may_take_no_longer_than_the_first_content(transport: Transport, ask: Ask) -> None:
    with nobody_accepts() as one:
        assert raised(transport, ask, one.origin, patience(first_s=SHORT_S)) is httpx2.ConnectTimeout


@EVERY_WAY
def test_a_handshake_that_nobody_answers_is_part_of_connecting(transport: Transport, ask: Ask) -> None:
    with peer(never_answers) as one:
        url = f"https://{one.authority}"
        assert raised(transport, ask, url, patience(connect_s=SHORT_S)) is httpx2.ConnectTimeout
        assert one.was_left()


@EVERY_WAY
@pytest.mark.parametrize(
    "manner",
    [
        never_answers,
        trickles(HEAD + b"x-y: ", b"x"),
        trickles(b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        says([HEAD + CHUNKED]),
        trickles(HEAD + CHUNKED + b"ffffff\r\n", b"x"),
        trickles(HEAD + CHUNKED, PING),
        trickles(HEAD + b"content-length: 1000000\r\n\r\n", b"x"),
    ],
    ids=["silence", "a head without end", "hints", "no body", "single bytes", "pings", "a length"],
)
def test_an_answer_without_content_ends_with_its_time(transport: Transport, ask: Ask, manner: Manner) -> None:
    with peer(manner) as one:
        assert raised(transport, ask, one.origin, patience(one.clock, first_s=SHORT_S)) is httpx2.ReadTimeout
        assert one.was_left()


@EVERY_WAY
def test_a_deadline_ends_what_content_would_keep_alive(transport: Transport, ask: Ask) -> None:
    with peer(trickles(HEAD + CHUNKED, WORD)) as one:
        assert raised(transport, ask, one.origin, patience(one.clock, left_s=SHORT_S)) is httpx2.ReadTimeout
        assert one.was_left()


@PIECE_BY_PIECE
def test_a_stall_after_content_ends_with_the_time_between_two(transport: Transport, ask: Ask) -> None:
    with peer(says([HEAD + CHUNKED, WORD])) as one:
        assert raised(transport, ask, one.origin, patience(one.clock, chunk_s=SHORT_S)) is httpx2.ReadTimeout
        assert one.was_left()


@PIECE_BY_PIECE
def test_pings_after_content_dont_hide_a_stall(transport: Transport, ask: Ask) -> None:
    with peer(says_first(HEAD + CHUNKED + WORD)) as one:
        assert raised(transport, ask, one.origin, patience(one.clock, chunk_s=SHORT_S)) is httpx2.ReadTimeout
        assert one.was_left()


def says_first(head: bytes) -> Manner:
    return trickles(head, PING)


@PIECE_BY_PIECE
def test_content_moves_the_limit(transport: Transport, ask: Ask) -> None:
    words = [HEAD + CHUNKED, *[WORD] * 60, chunk(b"")]  # 60 pieces take three times the limit of the first
    with peer(says(words)) as one:
        limits = patience(one.clock, first_s=SHORT_S)
        heard = ask(transport, ticket_at(transport, one.origin, limits), one.origin, b"{}")
        assert heard.count(CONTENT) == 60


@EVERY_WAY
def test_a_request_that_isnt_taken_ends_with_its_time(transport: Transport, ask: Ask) -> None:
    with peer(never_reads) as one:
        limits = patience(one.clock, first_s=SHORT_S)
        assert raised(transport, ask, one.origin, limits, HUGE) is httpx2.WriteTimeout
        assert one.was_left()


@EVERY_WAY
def test_nothing_is_sent_when_the_time_is_over(transport: Transport, ask: Ask) -> None:
    with running(lambda _: Answer(b"{}")) as server:
        ticket = ticket_at(transport, server.origin, patience(left_s=0.0))
        with pytest.raises(httpx2.ConnectTimeout, match="before it was sent"):
            ask(transport, ticket, server.origin, b"{}")
        assert (ticket.requests, ticket.admitted) == (0, False)
        assert server.connections == 0


@EVERY_WAY
def test_no_time_to_connect_is_no_time(transport: Transport, ask: Ask) -> None:
    with nobody_accepts() as one:
        assert raised(transport, ask, one.origin, patience(connect_s=0.0)) is httpx2.ConnectTimeout


LATE_S, ENOUGH_S = 0.6, 0.2 * SPEED


def late(received: Received) -> Answer:
    return Answer(b"{}", delay_s=LATE_S if received.target == "/late" else 0.0)


def short() -> Patience:
    return patience(first_s=ENOUGH_S)


IN_TURN = ((patience, "/"), (short, "/"), (patience, "/late"))
"""Short after long, and long after short."""


def test_a_connection_that_is_used_again_has_the_limits_of_the_present_ticket(transport: Transport) -> None:
    with running(late) as server:
        for limits, path in IN_TURN:
            whole(transport, ticket_at(transport, server.origin, limits()), server.origin + path)
        assert raised(transport, whole, f"{server.origin}/late", short()) is httpx2.ReadTimeout
        assert server.next_interruption() == 1
        assert server.connections == 1


async def test_a_connection_of_a_loop_that_is_used_again_has_the_limits_of_the_present_ticket(
    transport: Transport,
) -> None:
    with running(late) as server:
        for limits, path in IN_TURN:
            await awhole(transport, ticket_at(transport, server.origin, limits()), server.origin + path)
        with pytest.raises(httpx2.ReadTimeout):
            await awhole(transport, ticket_at(transport, server.origin, short()), f"{server.origin}/late")
        assert await asyncio.to_thread(server.next_interruption) == 1
        assert server.connections == 1


@EVERY_WAY
def test_without_patience_the_time_outs_of_the_sdk_hold(transport: Transport, ask: Ask) -> None:
    transport.client().timeout = transport.async_client().timeout = httpx2.Timeout(0.1)
    with peer(never_answers) as one:
        assert raised(transport, ask, one.origin, None) is httpx2.ReadTimeout
        assert one.was_left()
    with nobody_accepts() as one:
        assert raised(transport, ask, one.origin, None) is httpx2.ConnectTimeout


def test_waiting_for_a_free_connection_is_part_of_connecting(transport: Transport) -> None:
    pool = Pool(Network(OpenSockets()), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), most=1)

    def send(origin: str, limits: Patience) -> None:
        ticket = ticket_at(transport, origin, limits)
        headers = [(b"Host", origin.encode())]
        admission = Admission("POST", httpx2.URL(origin), origin, headers, ticket)
        pool.send(admission, b"{}", BlockingExchange(ticket, {}))

    with peer(says([HEAD + CHUNKED])) as one:
        send(one.origin, patience())
        with pytest.raises(httpcore2.PoolTimeout):
            send(one.origin, patience(connect_s=SHORT_S))
        pool.close()
        assert one.was_left()
