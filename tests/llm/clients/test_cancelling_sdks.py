"""A ticket that is cancelled stops each SDK in the middle of its call, and nothing is tried again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from app.llm.failures import classify
from tests.llm.clients.asking import patience
from tests.llm.providers.adapters import QUESTION, caller
from tests.servers.models import any_model, events_for, held_back
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from app.llm.clients.door import Ticket
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.llm.providers.adapters import Caller
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

    Way = Callable[[Caller, Ticket], object]


def unfinished(received: Received) -> Answer:
    """Answer a stream with its first half and anything else with nothing, for ever."""
    return held_back(received, Gate()) if events_for(received) else Answer(parts=[Gate()])


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(unfinished) as one:
        yield one


def arguments(model: Caller, text: str) -> dict[str, Any]:
    return model.adapter.request_arguments(text)


def whole(model: Caller, ticket: Ticket) -> object:
    with ticket as text:
        return model.model.invoke(QUESTION, **arguments(model, text))


def stream(model: Caller, ticket: Ticket) -> object:
    with ticket as text:
        return list(model.model.stream(QUESTION, **arguments(model, text)))


async def awhole(model: Caller, ticket: Ticket) -> object:
    with ticket as text:
        return await model.model.ainvoke(QUESTION, **arguments(model, text))


async def astream(model: Caller, ticket: Ticket) -> object:
    with ticket as text:
        return [chunk async for chunk in model.model.astream(QUESTION, **arguments(model, text))]


WAYS = (
    whole,
    stream,
    lambda model, ticket: asyncio.run(awhole(model, ticket)),
    lambda model, ticket: asyncio.run(astream(model, ticket)),
)


@pytest.mark.parametrize("way", WAYS, ids=["whole", "stream", "awhole", "astream"])
def test_of_another_thread(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter, way: Way
) -> None:
    model = caller(adapter, server.origin, transport)
    ticket = transport.ticket(model.grant(), patience())
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(way, model, ticket)
        server.next_arrival()
        ticket.cancel()
        failure = call.exception(PATIENCE_S)
    assert isinstance(failure, Exception)
    assert classify(failure, answered=False).failure_class == "connection"
    assert server.next_interruption() == 1
    assert (ticket.requests, len(server.received)) == (1, 1)


@pytest.mark.parametrize("way", [awhole, astream])
async def test_of_another_task(
    server: RunningServer,
    transport: Transport,
    adapter: ProtocolAdapter,
    way: Callable[..., Awaitable[object]],
) -> None:
    model = caller(adapter, server.origin, transport)
    loser, winner = transport.ticket(model.grant()), transport.ticket(model.grant())
    call = asyncio.ensure_future(way(model, loser))
    await asyncio.to_thread(server.next_arrival)
    server.script = any_model
    await way(model, winner)
    loser.cancel()
    with pytest.raises(Exception) as failure:  # noqa: PT011 - each SDK has its own kind
        await call
    assert classify(failure.value, answered=False).failure_class == "connection"
    assert await asyncio.to_thread(server.next_interruption) == 1
