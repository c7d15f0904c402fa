"""No key and no prompt leaks from a call, however it ends (R17)."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from contextlib import aclosing, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.errors import PointsmanError
from tests.leaks.scenes import cut_in_the_middle, echoing, nonsense
from tests.servers.models import any_model, held_back
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from tests.leaks.scenes import Scene
    from tests.servers.wire import Received

pytest_plugins = ["app.testing.plugin"]

STATUSES = [400, 401, 429, 500]


async def test_R17_an_answered_call(watched: Scene) -> None:
    model = watched.llm()
    answers = [model.invoke(watched.prompt.text), await model.ainvoke(watched.prompt.text)]
    assert all(answer.content for answer in answers)
    watched.look_around()


async def test_R17_a_stream(watched: Scene) -> None:
    model = watched.llm()
    assert list(model.stream(watched.prompt.text))
    assert [chunk async for chunk in model.astream(watched.prompt.text)]
    assert [event async for event in model.astream_events(watched.prompt.text, version="v2")]


async def test_R17_tools_and_structured_output(watched: Scene) -> None:
    schema = {
        "title": "Place",
        "description": "Where",
        "type": "object",
        "properties": {"town": {"type": "string"}},
    }
    chain = watched.llm().with_structured_output(schema, include_raw=True)
    chain.invoke(watched.prompt.text)
    await chain.ainvoke(watched.prompt.text)
    await watched.llm().bind_tools([schema]).ainvoke(watched.prompt.text)


@pytest.mark.parametrize("status", STATUSES)
async def test_R17_a_refusal_that_says_everything_back(watched: Scene, status: int) -> None:
    watched.server.script = echoing(status)
    model = watched.llm()
    with watched.kit.failing("invoke", PointsmanError):
        model.invoke(watched.prompt.text)
    with watched.kit.failing("ainvoke", PointsmanError):
        await model.ainvoke(watched.prompt.text)
    with watched.kit.failing("stream", PointsmanError):
        list(model.stream(watched.prompt.text))
    with watched.kit.failing("astream", PointsmanError):
        [chunk async for chunk in model.astream(watched.prompt.text)]


@pytest.mark.parametrize("script", [cut_in_the_middle, nonsense])
async def test_R17_a_broken_answer(watched: Scene, script: object) -> None:
    watched.server.script = script  # type: ignore[assignment]
    model = watched.llm()
    with watched.kit.failing("invoke"):
        model.invoke(watched.prompt.text)
    with watched.kit.failing("ainvoke"):
        await model.ainvoke(watched.prompt.text)
    with watched.kit.failing("stream"):
        list(model.stream(watched.prompt.text))
    with watched.kit.failing("astream"):
        [chunk async for chunk in model.astream(watched.prompt.text)]


async def test_R17_a_refused_connection(watched: Scene) -> None:
    model = watched.llm()
    spec = model.plan.first.spec
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it never listens
        base_url = spec.base_url.replace(watched.server.origin, f"http://127.0.0.1:{taken.getsockname()[1]}")
        object.__setattr__(model.plan.first, "spec", replace(spec, base_url=base_url))
        with watched.kit.failing("invoke", PointsmanError):
            model.invoke(watched.prompt.text)
        with watched.kit.failing("ainvoke", PointsmanError):
            await model.ainvoke(watched.prompt.text)


async def test_R17_a_provider_that_says_nothing(watched: Scene) -> None:
    watched.server.script = lambda received: replace(any_model(received), delay_s=30)
    model = watched.llm()
    with watched.kit.failing("invoke", PointsmanError):
        model.invoke(watched.prompt.text, deadline_s=0.3)
    with watched.kit.failing("ainvoke", PointsmanError):
        await model.ainvoke(watched.prompt.text, deadline_s=0.3)
    assert watched.server.received


async def test_R17_a_call_that_is_cancelled(watched: Scene) -> None:
    watched.server.script = lambda received: replace(any_model(received), delay_s=30)
    call = asyncio.create_task(watched.llm().ainvoke(watched.prompt.text))
    await asyncio.to_thread(watched.server.next_arrival)
    call.cancel()
    with watched.kit.failing("ainvoke", asyncio.CancelledError):
        await call


async def test_R17_a_stream_that_is_cancelled(watched: Scene) -> None:
    gate = Gate()
    watched.server.script = lambda received: held_back(received, gate)
    begun = asyncio.Event()

    async def ask() -> None:
        async for _ in watched.llm().astream(watched.prompt.text):
            begun.set()

    call = asyncio.create_task(ask())
    await begun.wait()
    call.cancel()
    with watched.kit.failing("astream", asyncio.CancelledError):
        await call
    gate.open()


async def test_R17_a_stream_that_nobody_reads_to_its_end(watched: Scene) -> None:
    gate = Gate()
    watched.server.script = lambda received: held_back(received, gate)
    with closing(watched.llm().stream(watched.prompt.text)) as stream:  # type: ignore[type-var]
        next(stream)
    async with aclosing(watched.llm().astream(watched.prompt.text)) as awaited:  # type: ignore[type-var]
        await anext(awaited)
    gate.open()


def interrupting(received: Received) -> Answer:
    """Interrupt whoever waits in the main thread, as Ctrl-C does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    return replace(any_model(received), delay_s=30)


def test_R17_a_call_that_is_interrupted(watched: Scene) -> None:
    watched.server.script = interrupting
    model = watched.llm()
    with watched.kit.failing("invoke", KeyboardInterrupt):
        model.invoke(watched.prompt.text)
    with watched.kit.failing("stream", KeyboardInterrupt):
        list(model.stream(watched.prompt.text))
    with watched.kit.failing("ainvoke", KeyboardInterrupt):
        asyncio.run(_ask(watched))


async def _ask(watched: Scene) -> None:
    await watched.llm().ainvoke(watched.prompt.text)
