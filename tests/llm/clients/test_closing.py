"""Closing the transport: no new request, none interrupted, and no connection left behind."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.errors import ResourceClosed
from app.llm.clients.transport import Transport
from tests.llm.providers.adapters import caller, raises_our_own
from tests.servers.models import WORDS, any_model, held_back
from tests.servers.running import running
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer


async def test_a_closed_transport_takes_no_request(server: RunningServer, adapter: ProtocolAdapter) -> None:
    transport = Transport()
    model = caller(adapter, server.origin, transport)
    await model.aask()
    model.ask()
    transport.close()
    with raises_our_own(ResourceClosed, match="closed"):
        model.ask()
    with raises_our_own(ResourceClosed, match="closed"):
        await model.aask()
    assert len(server.received) == 2


async def test_a_transport_that_was_closed_before_its_first_request_takes_none(
    server: RunningServer, adapter: ProtocolAdapter
) -> None:
    transport = Transport()
    model = caller(adapter, server.origin, transport)
    transport.close()
    with raises_our_own(ResourceClosed, match="closed"):
        model.ask()
    with raises_our_own(ResourceClosed, match="closed"):
        await model.aask()
    assert server.connections == 0


def test_closing_closes_idle_connections_and_may_be_repeated(
    server: RunningServer, adapter: ProtocolAdapter
) -> None:
    transport = Transport()
    caller(adapter, server.origin, transport).ask()
    transport.close()
    transport.close()
    assert server.next_ending() == 1


async def test_closing_closes_the_idle_connections_of_a_running_loop(
    server: RunningServer, adapter: ProtocolAdapter
) -> None:
    transport = Transport()
    await caller(adapter, server.origin, transport).aask()
    transport.close()
    assert await asyncio.to_thread(server.next_ending) == 1


def test_a_stream_under_way_finishes_and_its_connection_is_closed_then(adapter: ProtocolAdapter) -> None:
    gate, transport = Gate(), Transport()
    with running(partial(held_back, gate=gate)) as server:
        stream = caller(adapter, server.origin, transport).stream()
        texts = [next(stream).text]
        transport.close()
        assert server.nothing_ended()
        gate.open()
        texts += [chunk.text for chunk in stream]
        assert "".join(texts) == "".join(WORDS)
        assert server.next_ending() == 1


async def test_a_stream_under_way_in_a_loop_finishes_and_its_connection_is_closed_then(
    adapter: ProtocolAdapter,
) -> None:
    gate, transport = Gate(), Transport()
    with running(partial(held_back, gate=gate)) as server:
        stream = caller(adapter, server.origin, transport).astream()
        texts = [(await anext(stream)).text]
        transport.close()
        assert server.nothing_ended()
        gate.open()
        texts += [chunk.text async for chunk in stream]
        assert "".join(texts) == "".join(WORDS)
        assert await asyncio.to_thread(server.next_ending) == 1


def test_closing_in_one_thread_closes_the_connections_of_a_loop_in_another(adapter: ProtocolAdapter) -> None:
    transport = Transport()

    async def ask_then_see_the_connection_end(server: RunningServer) -> int:
        await caller(adapter, server.origin, transport).aask()
        await asyncio.to_thread(transport.close)
        return await asyncio.to_thread(server.next_ending)

    with running(any_model) as server:
        assert asyncio.run(ask_then_see_the_connection_end(server)) == 1


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # asyncio's word on such a loop
def test_closing_closes_the_connections_of_a_loop_that_was_closed_before_them(
    server: RunningServer, adapter: ProtocolAdapter
) -> None:
    transport, loop = Transport(), asyncio.new_event_loop()
    model = caller(adapter, server.origin, transport)
    loop.run_until_complete(model.aask())
    loop.close()
    assert server.nothing_ended()
    transport.close()
    assert server.next_ending() == 1
    del loop
    gc.collect()
