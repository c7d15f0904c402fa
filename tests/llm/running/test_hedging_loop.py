"""The loop for calls of threads: each has the context of its thread, and none waits for ever."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import Future
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from app.llm.running.hedging_loop import HedgingLoop
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from app.llm.running.hedging_loop import Lane

WHOSE: ContextVar[str] = ContextVar("whose", default="nobody's")


@pytest.fixture
def loop() -> Iterator[HedgingLoop]:
    one = HedgingLoop()
    yield one
    one.close()


class Gone(Exception):
    """Something that isn't there any more."""


def lane(loop: HedgingLoop) -> Lane:
    given = loop.lane()
    assert given is not None
    return given


async def where() -> tuple[str, str]:
    return threading.current_thread().name, WHOSE.get()


async def numbers(ends: list[str]) -> AsyncGenerator[int]:
    try:
        for number in range(3):
            yield number
    finally:
        ends.append(threading.current_thread().name)


def test_an_answer_comes_from_the_loop_in_the_context_of_its_thread(loop: HedgingLoop) -> None:
    WHOSE.set("ada's")
    assert lane(loop).answer(where) == ("pointsman-hedging", "ada's")


def test_what_is_raised_there_is_raised_here_and_holds_nothing_of_itself(loop: HedgingLoop) -> None:
    async def fails() -> None:
        raise Gone

    def raised() -> weakref.ref[Gone]:
        try:
            lane(loop).answer(fails)
        except Gone as gone:
            return weakref.ref(gone)
        raise AssertionError("nothing was raised")

    gc.disable()
    try:
        left = raised()
        lane(loop).answer(where)  # the loop has let go of it, too
        assert left() is None
    finally:
        gc.enable()


def test_an_exit_is_the_calling_threads_and_the_loop_serves_the_next(loop: HedgingLoop) -> None:
    async def leaves() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        lane(loop).answer(leaves)
    assert lane(loop).answer(where)[0] == "pointsman-hedging"


def test_a_cancellation_that_comes_from_there_is_told_here(loop: HedgingLoop) -> None:
    async def gives_up() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        lane(loop).answer(gives_up)


def test_a_call_that_is_cancelled_before_it_began_is_told_so(loop: HedgingLoop) -> None:
    given, done, tasks = lane(loop), Future[tuple[str, str]](), list[asyncio.Task[None]]()

    async def begins_and_cancels() -> None:
        given._begin(where, done, tasks)  # noqa: SLF001 - what an interrupt does that comes at once
        tasks[0].cancel()

    given.answer(begins_and_cancels)
    with pytest.raises(asyncio.CancelledError):
        done.result(PATIENCE_S)


def test_it_can_be_closed_by_its_own_thread(loop: HedgingLoop) -> None:
    given = lane(loop)
    given.answer(where)
    (thread,) = [one for one in threading.enumerate() if one.name == "pointsman-hedging"]
    given._on.loop.call_soon_threadsafe(loop.close)  # noqa: SLF001 - as a finalizer would
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_chunks_come_as_they_are_asked_for(loop: HedgingLoop) -> None:
    ends: list[str] = []
    assert list(lane(loop).each(numbers(ends))) == [0, 1, 2]
    stream = lane(loop).each(numbers(ends))
    assert next(stream) == 0
    stream.close()
    assert ends == ["pointsman-hedging"] * 2


def test_chunks_that_nobody_wants_any_more_are_closed_by_whichever_thread_finds_them(
    loop: HedgingLoop,
) -> None:
    ends: list[str] = []
    stream = lane(loop).each(numbers(ends))
    next(stream)

    async def finds_it() -> None:
        stream.close()

    lane(loop).answer(finds_it)  # it would wait for itself
    loop.close()
    for thread in threading.enumerate():
        if thread.name == "pointsman-hedging":
            thread.join(PATIENCE_S)
    assert ends == ["pointsman-hedging"]


def test_a_call_of_the_loops_own_thread_gets_no_place_on_it(loop: HedgingLoop) -> None:
    async def asks_for_one() -> Lane | None:
        return loop.lane()

    assert lane(loop).answer(asks_for_one) is None


def test_closed_it_takes_nobody_and_ends_with_the_last_call() -> None:
    loop, ends = HedgingLoop(), list[str]()
    stream = lane(loop).each(numbers(ends))
    assert next(stream) == 0
    (thread,) = [one for one in threading.enumerate() if one.name == "pointsman-hedging"]
    loop.close()
    loop.close()
    assert loop.lane() is None
    assert list(stream) == [1, 2]
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_closed_before_its_first_call_it_never_starts() -> None:
    loop = HedgingLoop()
    loop.close()
    assert loop.lane() is None


def test_tasks_that_still_end_are_waited_for_when_it_ends() -> None:
    loop, ended, tasks = HedgingLoop(), threading.Event(), set()

    async def ends_later() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ended.set()

    async def leaves_one_behind() -> None:
        tasks.add(asyncio.create_task(ends_later()))

    lane(loop).answer(leaves_one_behind)
    loop.close()
    assert ended.is_set()


def test_a_renewed_one_waits_for_nobody_and_starts_a_loop_of_its_own(loop: HedgingLoop) -> None:
    before = lane(loop)
    with loop._lock:  # noqa: SLF001 - as a thread of the parent would hold it
        loop.renew()
        assert lane(loop).answer(where)[0] == "pointsman-hedging"
    assert before.answer(where)[0] == "pointsman-hedging", "in the parent, which it is left to"
    (first, *_) = [one for one in threading.enumerate() if one.name == "pointsman-hedging"]
    before._on.end()  # noqa: SLF001 - nobody else does: a forked child has no such thread
    first.join(PATIENCE_S)
