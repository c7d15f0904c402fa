"""A ticket that is cancelled wakes whoever waits under it, closes the connection, and lets nothing out."""

from __future__ import annotations

import asyncio
import contextvars
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.errors import TransportRefused
from app.llm.clients.door import TICKET_HEADER
from tests.llm.clients.asking import (
    EVERY_WAY,
    awhole,
    patience,
    streamed,
    ticket_at,
    whole,
)
from tests.llm.clients.certified import tls
from tests.llm.clients.peers import (
    CHUNKED,
    HEAD,
    chunk,
    never_answers,
    never_reads,
    nobody_accepts,
    peer,
    says,
    stalls_over_tls,
)
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from app.llm.clients.door import Ticket
    from app.llm.clients.transport import Transport
    from tests.llm.clients.asking import Ask
    from tests.llm.clients.peers import Manner
    from tests.servers.wire import Received

__all__ = ["tls"]

HUGE, SMALL = b"x" * 30_000_000, b"{}"
HALF = says([HEAD + CHUNKED, chunk(b"data: word\n\n")])
PHASES = pytest.mark.parametrize(
    ("scheme", "manner", "body"),
    [
        ("https", never_answers, SMALL),
        ("http", never_reads, HUGE),
        ("http", never_answers, SMALL),
        ("http", HALF, SMALL),
    ],
    ids=["handshake", "request", "head", "body"],
)


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    latest = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.001)


def nothing_is_under_way(transport: Transport) -> None:
    assert repr(transport) == "Transport(open, calls under way: 0)"
    assert transport.blocking_line().usage.under_way == 0


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


@PHASES
async def test_a_task_that_is_cancelled_closes_its_connection_at_once(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        call = asyncio.create_task(awhole(transport, ticket_at(transport, url, patience()), url, body))
        assert await asyncio.to_thread(one.was_reached)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(one.was_left)
        assert (await transport.awaiting_line().sessions.current()).usage.under_way == 0


@PHASES
async def test_a_block_that_ends_ends_what_other_tasks_do_under_it(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        with ticket_at(transport, url) as text:
            client = transport.async_client()
            call = asyncio.create_task(client.post(url, headers={TICKET_HEADER: text}, content=body))
            assert await asyncio.to_thread(one.was_reached)
        with pytest.raises(httpx2.NetworkError):
            await call
        assert await asyncio.to_thread(one.was_left)


@PHASES
def test_a_block_that_ends_ends_what_other_threads_do_under_it(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one, ThreadPoolExecutor(1) as threads:
        url = f"{scheme}://{one.authority}"
        with ticket_at(transport, url) as text:
            post = partial(transport.client().post, url, headers={TICKET_HEADER: text}, content=body)
            call = threads.submit(contextvars.copy_context().run, post)
            assert one.was_reached()
        with pytest.raises(httpx2.NetworkError):
            call.result(PATIENCE_S)
        assert one.was_left()
        nothing_is_under_way(transport)


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


def press_ctrl_c(when: Callable[[], bool]) -> threading.Thread:
    """Interrupt the main thread as soon as something holds."""

    def press() -> None:
        assert when()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presses = threading.Thread(target=press)
    presses.start()
    return presses


@pytest.mark.parametrize("ask", [whole, streamed])
@PHASES
def test_ctrl_c_closes_the_connection_at_once(
    transport: Transport, ask: Ask, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        presses = press_ctrl_c(one.was_reached)
        with pytest.raises(KeyboardInterrupt):
            ask(transport, ticket_at(transport, url, patience()), url, body)
        presses.join()
        assert one.was_left()
        nothing_is_under_way(transport)


def test_ctrl_c_ends_the_opening_of_a_connection(transport: Transport) -> None:
    def opening() -> bool:
        until(lambda: transport.blocking_line().connections)
        return True

    with nobody_accepts() as one:
        presses = press_ctrl_c(opening)
        with pytest.raises(KeyboardInterrupt):
            whole(transport, ticket_at(transport, one.origin, patience()), one.origin)
        presses.join()
        assert transport.blocking_line().connections == 0


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
