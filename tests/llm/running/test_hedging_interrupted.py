"""A race that nobody waits for any more: both connections are left at once, and nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, field_validator

from app.containers import close
from app.errors import ResourceClosed, StreamBroken
from tests.llm.running.hedged import (
    AT_ONCE,
    NEVER,
    NOTHING,
    OPENAI,
    PAIRS,
    QUESTION,
    after,
    chunks_of,
    doing,
    first,
    hedged_at,
    outcomes,
    second,
    silent,
)
from tests.servers.models import TEXT, any_model, as_json, held_back, openai_body
from tests.servers.running import PATIENCE_S
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from langchain_core.language_models.chat_models import BaseChatModel

    from tests.llm.running.hedged import Hedged
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

__all__ = ["first", "second"]

pairs = pytest.mark.parametrize("protocols", PAIRS)


async def all_of(model: BaseChatModel) -> list[object]:
    return [chunk async for chunk in model.astream(QUESTION)]


async def whole(model: BaseChatModel) -> object:
    return await model.ainvoke(QUESTION)


def all_in_a_thread(model: BaseChatModel) -> object:
    return list(model.stream(QUESTION))


def whole_in_a_thread(model: BaseChatModel) -> object:
    return model.invoke(QUESTION)


async def told_to(texts: list[str], model: BaseChatModel, way: str) -> None:
    async for chunk in chunks_of(model, way):
        texts += [chunk.text]


def nothing_is_left(hedged: Hedged, expected: str, *attempts: tuple[int, str, bool]) -> None:
    assert hedged.under_way == NOTHING
    record = hedged.told()
    assert record.outcome == expected
    assert outcomes(record.evidence()["attempts"]) == list(attempts)


@pairs
@pytest.mark.parametrize("ask", [whole, all_of])
async def test_a_cancelled_call_leaves_both_connections_at_once(
    first: RunningServer,
    second: RunningServer,
    protocols: tuple[str, str],
    ask: Callable[[BaseChatModel], Coroutine[Any, Any, object]],
) -> None:
    first.script = second.script = silent
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        task = asyncio.create_task(ask(hedged.model()))
        for server in (first, second):
            await asyncio.to_thread(server.next_arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (first.next_interruption(), second.next_interruption()) == (1, 1)
        nothing_is_left(hedged, "cancelled", (1, "cancelled", False), (2, "cancelled", True))


@pytest.mark.parametrize("ask", [whole, all_of])
async def test_a_call_that_is_cancelled_before_it_was_hedged_leaves_its_only_connection(
    first: RunningServer, second: RunningServer, ask: Callable[[BaseChatModel], Coroutine[Any, Any, object]]
) -> None:
    first.script = silent
    with hedged_at((first, second)) as hedged:
        hedged.usually(NEVER)
        task = asyncio.create_task(ask(hedged.model()))
        await asyncio.to_thread(first.next_arrival)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert first.next_interruption() == 1
        assert hedged.hedging.shares.has("chat")
        nothing_is_left(hedged, "cancelled", (1, "cancelled", False))


@pairs
@pytest.mark.parametrize("ask", [whole_in_a_thread, all_in_a_thread])
def test_ctrl_c_in_a_thread_leaves_both_connections_at_once(
    first: RunningServer,
    second: RunningServer,
    protocols: tuple[str, str],
    ask: Callable[[BaseChatModel], object],
) -> None:
    def press_ctrl_c() -> None:
        first.next_arrival()
        second.next_arrival()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    first.script = second.script = silent
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        model = hedged.model()
        presses = threading.Thread(target=press_ctrl_c)
        presses.start()
        with pytest.raises(KeyboardInterrupt):
            ask(model)
        presses.join()
        assert (first.next_interruption(), second.next_interruption()) == (1, 1)
        nothing_is_left(hedged, "cancelled", (1, "cancelled", False), (2, "cancelled", True))


@pairs
@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_that_is_closed_leaves_the_winners_connection_too(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    first.script, second.script = silent, lambda received: held_back(received, Gate())
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        stream: Any = (
            hedged.model().astream(QUESTION) if way == "astream" else hedged.model().stream(QUESTION)
        )
        if way == "astream":
            await anext(stream)
            await stream.aclose()
        else:
            next(stream)
            stream.close()
        assert (first.next_interruption(), second.next_interruption()) == (1, 1)
        nothing_is_left(hedged, "abandoned", (1, "cancelled", False), (2, "abandoned", True))


def test_a_stream_that_nobody_reads_on_leaves_nothing(first: RunningServer, second: RunningServer) -> None:
    first.script, second.script = silent, lambda received: held_back(received, Gate())
    with hedged_at((first, second)) as hedged:
        hedged.usually(AT_ONCE)
        stream = hedged.model().stream(QUESTION)
        next(stream)
        del stream
        gc.collect()
        assert (first.next_interruption(), second.next_interruption()) == (1, 1)
        nothing_is_left(hedged, "abandoned", (1, "cancelled", False), (2, "abandoned", True))


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_R13_a_winner_that_breaks_after_its_first_content_is_not_replaced(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    def cut(received: Received) -> Answer:
        answer = any_model(received)
        return Answer(headers=answer.headers, parts=list(answer.parts or ())[:4], cut=True)

    first.script, second.script = silent, cut
    with hedged_at((first, second), attempts=6) as hedged:
        hedged.usually(AT_ONCE)
        texts: list[str] = []
        with pytest.raises(StreamBroken) as caught:
            await told_to(texts, hedged.model(), way)
        assert "".join(texts) == caught.value.partial
        assert TEXT.startswith("".join(texts))
        assert first.next_interruption() == 1
        nothing_is_left(hedged, "failed", (1, "cancelled", False), (2, "failed", True))


# ---------------------------------------------------------------- calls of threads


def threads_of_loops() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "pointsman-hedging"]


def said_in_a_thread(model: BaseChatModel, way: str) -> str:
    if way == "invoke":
        return model.invoke(QUESTION).text
    return "".join(chunk.text for chunk in model.stream(QUESTION))


def test_calls_under_way_finish_when_the_container_is_closed_and_later_ones_are_refused(
    first: RunningServer, second: RunningServer
) -> None:
    gates = [Gate(), Gate()]
    unopened = iter(gates)

    def held(received: Received) -> Answer:
        return after(next(unopened))(received)

    first.script, second.script = silent, held
    with hedged_at((first, second)) as hedged, ThreadPoolExecutor(2) as threads:
        hedged.usually(AT_ONCE)
        model = hedged.model()
        calls = [threads.submit(said_in_a_thread, model, way) for way in ("invoke", "stream")]
        for server in (first, second):
            for _ in calls:
                server.next_arrival()
        assert len(threads_of_loops()) == 1
        close(hedged.container)
        for ask in (whole_in_a_thread, all_in_a_thread):
            with pytest.raises(ResourceClosed):
                ask(model)
        for gate in gates:
            gate.open()
        assert [call.result(PATIENCE_S) for call in calls] == [TEXT, TEXT]
        for thread in threads_of_loops():
            thread.join(PATIENCE_S)
        assert threads_of_loops() == []


def test_no_thread_is_started_for_calls_that_are_not_hedged_now(
    first: RunningServer, second: RunningServer
) -> None:
    with hedged_at((first, second), hedge={"share": 0.1}) as hedged:
        assert hedged.model().invoke(QUESTION).text == TEXT
        hedged.usually(AT_ONCE, saved=0)
        assert hedged.model().invoke(QUESTION).text == TEXT
        assert (threads_of_loops(), len(second.received)) == ([], 0)


def test_a_schema_whose_validator_asks_a_model_does_not_wait_for_itself(
    first: RunningServer, second: RunningServer
) -> None:
    def says_a_name(received: Received) -> Answer:
        text = as_json({"name": "Travel"}).decode() if received.json.get("response_format") else TEXT
        return Answer(openai_body(text))

    first.script, second.script = silent, says_a_name
    with hedged_at((first, second), (OPENAI, OPENAI), attempts=4) as hedged:
        hedged.usually(AT_ONCE)
        first.script = doing(lambda: setattr(first, "script", says_a_name), silent)

        looked_at_in = []

        class Folder(BaseModel):
            """Where it belongs."""

            name: str

            @field_validator("name")
            @classmethod
            def _is_good(cls, name: str) -> str:
                looked_at_in.append(threading.current_thread().name)
                assert hedged.model().invoke(QUESTION).text == TEXT
                return name

        chain = hedged.model().with_structured_output(Folder, method="json_schema")
        assert chain.invoke(QUESTION) == Folder(name="Travel")
        assert looked_at_in[0] == "pointsman-hedging"
