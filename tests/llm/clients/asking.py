"""The four ways in which a request goes through a transport, and its limits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.patience import Patience
from app.llm.clients.spec import Grant, origin_of
from tests.llm.clients.clocks import FastClock
from tests.llm.providers.adapters import credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clients.door import Ticket
    from app.llm.clients.transport import Transport

    Ask = Callable[[Transport, Ticket, str, bytes], bytes]

LONG_S = 5000.0
"""Seconds of the clock that no test waits for."""
SHORT_S = 20.0
CONTENT = b"word"


def patience(
    clock: FastClock | None = None,
    *,
    connect_s: float = LONG_S,
    first_s: float = LONG_S,
    chunk_s: float = LONG_S,
    left_s: float = LONG_S * 2,
) -> Patience:
    """Return limits of which all are long that aren't named."""
    clock = clock or FastClock(running=True)
    ends = clock.now() + left_s
    return Patience(clock, connect_s=connect_s, first_s=first_s, chunk_s=chunk_s, ends=ends)


def ticket_at(transport: Transport, origin: str, limits: Patience | None = None) -> Ticket:
    """Return a ticket for an origin."""
    transport.awaiting_line()  # the import takes longer than some limits
    return transport.ticket(Grant(credential(), origin_of(origin), "bearer"), limits)


def whole(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for a whole answer, from a thread."""
    with ticket as text:
        return transport.client().post(url, headers={TICKET_HEADER: text}, content=body).content


def streamed(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for an answer piece by piece, from a thread."""
    heard = b""
    with (
        ticket as text,
        transport.client().stream("POST", url, headers={TICKET_HEADER: text}, content=body) as answer,
    ):
        for part in answer.iter_raw():
            heard += _listened(ticket, part)
    return heard


def awaited_whole(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for a whole answer, in an event loop of its own."""
    return asyncio.run(awhole(transport, ticket, url, body))


def awaited_streamed(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for an answer piece by piece, in an event loop of its own."""
    return asyncio.run(astreamed(transport, ticket, url, body))


async def awhole(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for a whole answer, in this event loop."""
    with ticket as text:
        client = transport.async_client()
        return (await client.post(url, headers={TICKET_HEADER: text}, content=body)).content


async def astreamed(transport: Transport, ticket: Ticket, url: str, body: bytes = b"{}") -> bytes:
    """Ask for an answer piece by piece, in this event loop."""
    heard, client = b"", transport.async_client()
    with ticket as text:
        async with client.stream("POST", url, headers={TICKET_HEADER: text}, content=body) as answer:
            async for part in answer.aiter_raw():
                heard += _listened(ticket, part)
    return heard


def _listened(ticket: Ticket, part: bytes) -> bytes:
    if CONTENT in part and ticket.patience is not None:
        ticket.patience.heard()
    return part


IN_THREADS = (whole, streamed)
IN_LOOPS = (awaited_whole, awaited_streamed)
EVERY_WAY = pytest.mark.parametrize("ask", [*IN_THREADS, *IN_LOOPS], ids=lambda ask: ask.__name__)
PIECE_BY_PIECE = pytest.mark.parametrize("ask", [streamed, awaited_streamed], ids=lambda ask: ask.__name__)
