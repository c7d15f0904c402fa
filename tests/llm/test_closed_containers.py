"""A container that is closed while calls run: those under way finish, later ones are refused."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from app.containers import close
from app.errors import ResourceClosed
from tests.llm.crowd import PROTOCOLS, QUESTION, container_at, user
from tests.servers.models import TEXT, any_model, openai_body
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dependency_injector.containers import DynamicContainer
    from langchain_core.language_models.chat_models import BaseChatModel

    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

CALLS = 8
"""How many of each kind are under way when the container is closed."""


class HeldBack:
    """A script that answers as any model does, but not before its gates are opened."""

    def __init__(self) -> None:
        self.gates: list[Gate] = []
        self.answer: Callable[[Received], Answer] = any_model

    def __call__(self, received: Received) -> Answer:
        answer, gate = self.answer(received), Gate()
        self.gates.append(gate)
        return Answer(headers=answer.headers, parts=[gate, *(answer.parts or [answer.body])])

    def open(self) -> None:
        for gate in self.gates:
            gate.open()


@pytest.fixture
def script() -> HeldBack:
    return HeldBack()


@pytest.fixture
def server(script: HeldBack) -> Iterator[RunningServer]:
    with running(script) as one:
        yield one
        script.open()


@pytest.fixture
def container(server: RunningServer) -> Iterator[DynamicContainer]:
    with container_at(server.origin) as one:
        yield one


def asked(model: BaseChatModel) -> str:
    return model.invoke(QUESTION).text


def streamed(model: BaseChatModel) -> str:
    return "".join(chunk.text for chunk in model.stream(QUESTION))


def asked_in_a_loop(model: BaseChatModel) -> str:
    async def ask() -> str:
        return (await model.ainvoke(QUESTION)).text

    return asyncio.run(ask())


def streamed_in_a_loop(model: BaseChatModel) -> str:
    async def ask() -> str:
        return "".join([chunk.text async for chunk in model.astream(QUESTION)])

    return asyncio.run(ask())


WAYS = (asked, streamed, asked_in_a_loop, streamed_in_a_loop)


@pytest.mark.parametrize("feature", PROTOCOLS)
def test_R14_calls_under_way_finish_when_the_container_is_closed_and_later_ones_are_refused(
    server: RunningServer, script: HeldBack, container: DynamicContainer, feature: str
) -> None:
    model = container.llm_service().get_llm(feature, scope=user(1))
    with ThreadPoolExecutor(CALLS * len(WAYS)) as threads:
        calls = [threads.submit(way, model) for way in WAYS * CALLS]
        for _ in calls:
            server.next_arrival()
        close(container)
        for way in WAYS:
            with pytest.raises(ResourceClosed):
                way(model)
        script.open()
        assert [call.result(PATIENCE_S) for call in calls] == [TEXT] * len(calls)
    for _ in range(server.connections):
        server.next_ending()
    assert len(server.received) == len(calls)
    assert repr(container.transport()) == "Transport(closed, calls under way: 0)"


class Folder(BaseModel):
    """Where it belongs."""

    name: str


def test_an_answer_that_is_under_way_when_the_container_is_closed_is_still_parsed(
    server: RunningServer, script: HeldBack, container: DynamicContainer
) -> None:
    script.answer = lambda _: Answer(openai_body('{"name": "travel"}'))
    chain = container.llm_service().get_llm("openai_compatible", scope=user(1)).with_structured_output(Folder)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(chain.invoke, QUESTION)
        server.next_arrival()
        close(container)
        script.open()
        assert call.result(PATIENCE_S) == Folder(name="travel")


@pytest.mark.parametrize("feature", PROTOCOLS)
async def test_a_container_may_be_closed_twice_from_a_loop_and_from_a_thread_while_both_call(
    server: RunningServer, script: HeldBack, container: DynamicContainer, feature: str
) -> None:
    model = container.llm_service().get_llm(feature, scope=user(1))
    calls = [
        asyncio.ensure_future(model.ainvoke(QUESTION)),
        asyncio.ensure_future(asyncio.to_thread(asked, model)),
    ]
    for _ in calls:
        await asyncio.to_thread(server.next_arrival)
    close(container)
    await asyncio.to_thread(close, container)
    with pytest.raises(ResourceClosed):
        await model.ainvoke(QUESTION)
    script.open()
    answer, text = await asyncio.gather(*calls)
    assert answer.text == text == TEXT
    assert {await asyncio.to_thread(server.next_ending) for _ in calls} == {1, 2}


def test_R14_closing_between_the_calls_of_many_threads_hangs_nobody(
    script: HeldBack, container: DynamicContainer
) -> None:
    service, together = container.llm_service(), threading.Barrier(CALLS + 1)

    def ask_until_closed(number: int) -> int:
        together.wait(PATIENCE_S)
        for answered in range(10_000):
            script.open()
            try:
                WAYS[number % len(WAYS)](service.get_llm("openai_compatible", scope=user(number)))
            except ResourceClosed:
                return answered
        raise AssertionError("nobody closed the container")

    with ThreadPoolExecutor(CALLS) as threads:
        calls = [threads.submit(ask_until_closed, number) for number in range(CALLS)]
        together.wait(PATIENCE_S)
        close(container)
        for call in calls:
            call.result(PATIENCE_S)
    assert repr(container.transport()) == "Transport(closed, calls under way: 0)"
