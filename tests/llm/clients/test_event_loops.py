"""One client serves every event loop, in turn and at the same time, and lets go when it is told to."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.llm.providers.adapters import caller
from tests.servers.models import TEXT, WORDS, any_model, held_back
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.llm.providers.adapters import Caller
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

THREADS = 30


def test_a_client_works_in_one_loop_after_another(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    for _ in range(4):
        assert asyncio.run(model.aask()).text == TEXT


def test_a_loop_that_ends_closes_its_connections(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    asyncio.run(model.aask())
    assert server.next_ending() == 1


def test_a_client_works_in_thirty_loops_at_once(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    together = threading.Barrier(THREADS)

    async def ask_twice() -> list[str]:
        together.wait(PATIENCE_S)
        return [(await model.aask()).text for _ in range(2)]

    with ThreadPoolExecutor(THREADS) as threads:
        answers = [threads.submit(asyncio.run, ask_twice()) for _ in range(THREADS)]
        assert [answer.result(PATIENCE_S) for answer in answers] == [[TEXT, TEXT]] * THREADS


def test_a_loop_that_was_closed_is_forgotten(transport: Transport) -> None:
    async def ask() -> int:
        sessions = transport.awaiting_line().sessions
        await sessions.current()
        return len(sessions)

    for _ in range(3):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(ask()) == 1
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def die_in_a_stream(model: Caller, server: RunningServer) -> None:
    loop = asyncio.new_event_loop()
    reading = loop.create_task(read(model))
    loop.run_until_complete(loop.run_in_executor(None, server.next_arrival))
    assert not reading.done()
    loop.close()


async def read(model: Caller) -> list[str]:
    return [chunk.text async for chunk in model.astream()]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # asyncio's and aiohttp's word on such a loop
# The order in which a dead loop's coroutines are taken down is the interpreter's own.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <coroutine object AsyncModels:pytest.PytestUnraisableExceptionWarning"
)
def test_R14_a_loop_that_is_closed_in_the_middle_of_a_stream_leaves_nothing(
    transport: Transport, adapter: ProtocolAdapter
) -> None:
    with running(partial(held_back, gate=Gate())) as server:
        model = caller(adapter, server.origin, transport)
        die_in_a_stream(model, server)
        server.script = any_model
        assert asyncio.run(model.aask()).text == TEXT  # a new loop sweeps up after those that have ended
        assert server.next_interruption() == 1
        gc.collect()
        assert repr(transport) == "Transport(open, calls under way: 0)"


async def test_connections_of_a_loop_are_used_again(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    for _ in range(3):
        await model.aask()
    assert server.connections == 1


async def test_a_stream_arrives_as_it_is_sent(transport: Transport, adapter: ProtocolAdapter) -> None:
    gate = Gate()
    with running(partial(held_back, gate=gate)) as server:
        texts = []
        async for chunk in caller(adapter, server.origin, transport).astream():
            gate.open()
            texts.append(chunk.text)
        assert "".join(texts) == "".join(WORDS)


async def test_a_cancelled_call_leaves_its_connection_at_once(
    transport: Transport, adapter: ProtocolAdapter
) -> None:
    def never(_: Received) -> Answer:
        return Answer(parts=[Gate()])

    with running(never) as server:
        call = asyncio.create_task(caller(adapter, server.origin, transport).aask())
        await asyncio.to_thread(server.next_arrival)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.next_interruption) == 1


async def test_a_stream_that_is_closed_early_leaves_its_connection_at_once(
    transport: Transport, adapter: ProtocolAdapter
) -> None:
    with running(partial(held_back, gate=Gate())) as server:
        stream = caller(adapter, server.origin, transport).astream()
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # it is an asynchronous generator
        assert await asyncio.to_thread(server.next_interruption) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_call_needs_no_thread_of_the_loops_own_pool(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter, host: str
) -> None:
    origin = server.origin.replace("127.0.0.1", host)
    loop = asyncio.get_running_loop()
    pool, release = ThreadPoolExecutor(1), threading.Event()
    loop.set_default_executor(pool)
    occupied = loop.run_in_executor(None, release.wait)
    try:
        assert (await caller(adapter, origin, transport).aask()).text == TEXT
        assert not occupied.done()
    finally:
        release.set()
        await occupied


async def test_many_calls_at_once_are_all_answered(transport: Transport, adapter: ProtocolAdapter) -> None:
    with running(any_model) as server:
        model = caller(adapter, server.origin, transport)
        answers = await asyncio.gather(*(model.aask() for _ in range(200)))
        assert [answer.text for answer in answers] == [TEXT] * 200
