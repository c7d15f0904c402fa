"""A call that is interrupted leaves its connection at once and nothing behind, and the next call works."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests.llm.crowd import PROTOCOLS, QUESTION, container_at, user
from tests.servers.models import TEXT, any_model, events_for, held_back
from tests.servers.running import running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from dependency_injector.containers import DynamicContainer
    from langchain_core.language_models.chat_models import BaseChatModel

    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

pytestmark = pytest.mark.parametrize("feature", PROTOCOLS)
GIVEN_UP = "given up"


def unfinished(received: Received) -> Answer:
    """Answer a stream with its first half and anything else with nothing, for ever."""
    return held_back(received, Gate()) if events_for(received) else Answer(parts=[Gate()])


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(unfinished) as one:
        yield one


@pytest.fixture
def container(server: RunningServer) -> Iterator[DynamicContainer]:
    with container_at(server.origin) as one:
        yield one


@pytest.fixture
def model(container: DynamicContainer, feature: str) -> BaseChatModel:
    handed_out: BaseChatModel = container.llm_service().get_llm(feature, scope=user(1))
    return handed_out


def left_nothing(server: RunningServer, container: DynamicContainer, model: BaseChatModel) -> None:
    """The server saw the interruption, no call and no request is under way, and the next call is answered."""
    assert server.next_interruption() == 1
    nothing_is_under_way(server, container, model)


def nothing_is_under_way(server: RunningServer, container: DynamicContainer, model: BaseChatModel) -> None:
    assert repr(container.transport()) == "Transport(open, calls under way: 0)"
    server.script = any_model
    assert model.invoke(QUESTION).text == TEXT
    assert container.transport().blocking_line().usage.under_way == 0


async def cancelled(call: Awaitable[object], server: RunningServer) -> None:
    task = asyncio.ensure_future(call)
    await asyncio.to_thread(server.next_arrival)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def given_up_by_a_sibling(call: Awaitable[object], server: RunningServer) -> None:
    async def fails() -> None:
        await asyncio.to_thread(server.next_arrival)
        raise LookupError(GIVEN_UP)

    async def waits() -> None:
        await call

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits())
            group.create_task(fails())

    with pytest.raises(ExceptionGroup):
        await both()


async def timed_out(call: Awaitable[object], server: RunningServer) -> None:
    timeout = asyncio.timeout(None)

    async def waits() -> None:
        async with timeout:
            await call

    task = asyncio.create_task(waits())
    await asyncio.to_thread(server.next_arrival)
    timeout.reschedule(0)
    with pytest.raises(TimeoutError):
        await task


async def all_of(model: BaseChatModel) -> list[object]:
    return [chunk async for chunk in model.astream(QUESTION)]


@pytest.mark.parametrize("interrupt", [cancelled, given_up_by_a_sibling, timed_out])
@pytest.mark.parametrize("ask", [lambda model: model.ainvoke(QUESTION), all_of], ids=["whole", "stream"])
async def test_R14_a_call_that_is_given_up_in_a_loop_leaves_nothing(
    server: RunningServer,
    container: DynamicContainer,
    model: BaseChatModel,
    ask: Callable[[BaseChatModel], Awaitable[object]],
    interrupt: Callable[[Awaitable[object], RunningServer], Awaitable[None]],
) -> None:
    await interrupt(ask(model), server)
    assert (await container.transport().awaiting_line().sessions.current()).usage.under_way == 0
    await asyncio.to_thread(left_nothing, server, container, model)
    assert (await model.ainvoke(QUESTION)).text == TEXT


async def test_R14_a_stream_that_nobody_reads_on_leaves_nothing(
    server: RunningServer, container: DynamicContainer, model: BaseChatModel
) -> None:
    stream = model.astream(QUESTION)
    await anext(stream)
    del stream
    gc.collect()
    await asyncio.to_thread(left_nothing, server, container, model)


def test_R14_a_stream_that_nobody_reads_on_in_a_thread_leaves_nothing(
    server: RunningServer, container: DynamicContainer, model: BaseChatModel
) -> None:
    stream = model.stream(QUESTION)
    next(stream)
    del stream
    gc.collect()
    left_nothing(server, container, model)


def all_in_a_thread(model: BaseChatModel) -> list[object]:
    return list(model.stream(QUESTION))


@pytest.mark.parametrize(
    "ask", [lambda model: model.invoke(QUESTION), all_in_a_thread], ids=["whole", "stream"]
)
def test_R14_a_call_that_ctrl_c_interrupts_leaves_nothing(
    server: RunningServer,
    container: DynamicContainer,
    model: BaseChatModel,
    ask: Callable[[BaseChatModel], object],
) -> None:
    def press_ctrl_c() -> None:
        server.next_arrival()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presses = threading.Thread(target=press_ctrl_c)
    presses.start()
    with pytest.raises(KeyboardInterrupt):
        ask(model)
    presses.join()
    left_nothing(server, container, model)


def die_with_a_call_under_way(model: BaseChatModel, server: RunningServer) -> None:
    loop = asyncio.new_event_loop()
    call = loop.create_task(model.ainvoke(QUESTION))
    loop.run_until_complete(loop.run_in_executor(None, server.next_arrival))
    assert not call.done()
    loop.close()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # asyncio's and aiohttp's word on such a loop
def test_R14_a_loop_that_is_closed_with_a_call_under_way_leaves_nothing(
    server: RunningServer, container: DynamicContainer, model: BaseChatModel
) -> None:
    die_with_a_call_under_way(model, server)
    server.script = any_model
    assert asyncio.run(asked(model)) == TEXT  # a new loop sweeps up after those that have ended
    assert server.next_interruption() == 1
    gc.collect()
    nothing_is_under_way(server, container, model)


async def asked(model: BaseChatModel) -> str:
    return (await model.ainvoke(QUESTION)).text
