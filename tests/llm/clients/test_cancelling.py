"""A ticket that is cancelled wakes whoever waits under it, closes the connection, and lets nothing out."""

from __future__ import annotations

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.errors import TransportRefused
from app.llm.clients.awaited_exchange import AwaitedExchange
from app.llm.clients.door import TICKET_HEADER
from tests.llm.clients.asking import EVERY_WAY, awhole, patience, ticket_at, whole
from tests.llm.clients.certified import tls
from tests.llm.clients.peers import nobody_accepts, peer, stalls_over_tls
from tests.llm.clients.phases import PHASES, SMALL, nothing_is_under_way, until
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    import ssl

    from app.llm.clients.door import Ticket
    from app.llm.clients.transport import Transport
    from tests.llm.clients.asking import Ask
    from tests.llm.clients.peers import Manner
    from tests.servers.wire import Received

__all__ = ["tls"]


@EVERY_WAY
@PHASES
def test_whoever_waits_is_woken_and_the_connection_is_closed(
    transport: Transport, ask: Ask, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one, ThreadPoolExecutor(1) as threads:
        url = f"{scheme}://{one.authority}"
        ticket = ticket_at(transport, url, patience())
        call = threads.submit(ask, transport, ticket, url, body)
        assert one.was_reached()
        ticket.cancel()
        with pytest.raises(httpx2.NetworkError):
            call.result(PATIENCE_S)
        assert one.was_left()
        nothing_is_under_way(transport)


def test_a_connection_that_is_being_opened_is_given_up(transport: Transport) -> None:
    with nobody_accepts() as one, ThreadPoolExecutor(1) as threads:
        ticket = ticket_at(transport, one.origin)
        call = threads.submit(whole, transport, ticket, one.origin)
        until(lambda: transport.blocking_line().connections)
        ticket.cancel()
        with pytest.raises(httpx2.NetworkError):
            call.result(PATIENCE_S)
        assert transport.blocking_line().connections == 0


async def test_a_connection_that_a_loop_is_opening_is_given_up(transport: Transport) -> None:
    with nobody_accepts() as one:
        ticket = ticket_at(transport, one.origin)
        call = asyncio.create_task(awhole(transport, ticket, one.origin))
        session = await transport.awaiting_line().sessions.current()
        await asyncio.to_thread(until, lambda: session.connections)
        ticket.cancel()
        with pytest.raises(httpx2.NetworkError):
            await call
        assert (session.connections, session.usage.under_way) == (0, 0)


def test_a_cancelled_ticket_lets_nothing_more_out(transport: Transport) -> None:
    with running(lambda _: Answer(SMALL)) as server:
        ticket = ticket_at(transport, server.origin)
        with ticket as text:
            client, headers = transport.client(), {TICKET_HEADER: text}
            client.post(server.origin, headers=headers)
            ticket.cancel()
            ticket.cancel()
            with pytest.raises(TransportRefused, match="without a ticket in force"):
                client.post(server.origin, headers=headers)
        ticket.cancel()
        assert (ticket.requests, len(server.received)) == (1, 1)


@EVERY_WAY
def test_a_ticket_that_was_cancelled_before_it_began_lets_nothing_out(transport: Transport, ask: Ask) -> None:
    with running(lambda _: Answer(SMALL)) as server:
        ticket = ticket_at(transport, server.origin)
        ticket.cancel()
        with pytest.raises(TransportRefused, match="without a ticket in force"):
            ask(transport, ticket, server.origin, SMALL)
        assert server.connections == 0
        nothing_is_under_way(transport)


@EVERY_WAY
def test_a_request_that_is_just_being_let_out_isnt_sent(transport: Transport, ask: Ask) -> None:
    with running(lambda _: Answer(SMALL)) as server:
        ticket = CancelledAtTheDoor.of(ticket_at(transport, server.origin))
        with pytest.raises(httpx2.NetworkError):
            ask(transport, ticket, server.origin, SMALL)
        assert server.received == []
        nothing_is_under_way(transport)


class CancelledAtTheDoor:
    """Makes a ticket that is cancelled at the very moment at which its request was let out."""

    @staticmethod
    def of(ticket: Ticket) -> Ticket:
        class Late(type(ticket)):  # type: ignore[misc]
            def left(self, key: bytes | None) -> None:
                super().left(key)
                self.cancel()

        return Late(ticket._tickets, ticket.grant)  # noqa: SLF001 - it's the same door


def test_how_many_requests_were_let_out_is_counted(transport: Transport) -> None:
    with running(lambda _: Answer(SMALL)) as server:
        ticket = ticket_at(transport, server.origin)
        with ticket as text:
            for _ in range(3):
                transport.client().post(server.origin, headers={TICKET_HEADER: text})
        assert (ticket.requests, ticket.admitted) == (3, True)


def test_an_answer_that_has_come_leaves_nothing_to_cancel(transport: Transport) -> None:
    """Its connection serves another call already, which goes on."""
    gate = Gate()

    def script(received: Received) -> Answer:
        return Answer(parts=[gate, b"late"]) if received.target == "/late" else Answer(b"first")

    with running(script) as server, ThreadPoolExecutor(1) as threads:
        done = ticket_at(transport, server.origin)
        with done as text:
            transport.client().post(server.origin, headers={TICKET_HEADER: text})
            server.next_arrival()
            other = ticket_at(transport, server.origin)
            call = threads.submit(whole, transport, other, f"{server.origin}/late")
            server.next_arrival()
            done.cancel()
            gate.open()
            assert call.result(PATIENCE_S) == b"late"
        assert server.connections == 1


async def test_an_answer_that_came_too_late_is_left(transport: Transport) -> None:
    ticket = ticket_at(transport, "http://127.0.0.1:1")
    exchange = AwaitedExchange(ticket, httpx2.Request("POST", ""), asyncio.get_running_loop())
    ticket.hold(exchange)
    ticket.cancel()
    late = Late()
    with pytest.raises(TimeoutError):
        exchange.answered(late)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        exchange.until_answered()
    assert late.closed


class Late:
    """An answer that isn't wanted any more."""

    closed = False

    def close(self) -> None:
        """Leave its connection."""
        self.closed = True


@EVERY_WAY
def test_a_tls_connection_doesnt_wait_for_the_other_sides_farewell(
    transport: Transport, ask: Ask, tls: ssl.SSLContext
) -> None:
    with peer(stalls_over_tls(tls)) as one, ThreadPoolExecutor(1) as threads:
        url = f"https://{one.authority}"
        ticket = ticket_at(transport, url, patience())
        call = threads.submit(ask, transport, ticket, url, SMALL)
        assert one.was_reached()
        ticket.cancel()
        with pytest.raises(httpx2.NetworkError):
            call.result(PATIENCE_S)
        assert one.was_left()


CALLS = 150


def test_R14_cancelled_calls_do_nothing_to_others_that_share_their_connections(transport: Transport) -> None:
    chance = random.Random(7)  # noqa: S311 - when a call is cancelled
    with running(lambda received: Answer(received.body)) as server, ThreadPoolExecutor(8) as threads:

        def call(number: int) -> bool:
            ticket = ticket_at(transport, server.origin, patience())
            body = b"%d" % number
            if number % 3:
                return whole(transport, ticket, server.origin, body) == body
            cancels = threading.Timer(chance.random() * 0.003, ticket.cancel)
            cancels.start()
            try:
                return whole(transport, ticket, server.origin, body) == body
            except (httpx2.NetworkError, TransportRefused):
                return True
            finally:
                cancels.join()

        assert all(threads.map(call, range(CALLS)))
    nothing_is_under_way(transport)
