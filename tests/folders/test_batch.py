"""Many conversations at once: bounded, in order, lazy, and one failure stops none of the others."""

from __future__ import annotations

import asyncio
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest

from app.errors import MissingPlatformKey, UserKeyRejected
from app.folders import Conversation, Folder
from app.folders.batch import afinished, finished
from app.llm import RequestScope, request_scope
from tests.folders.client_cache import ScriptedClientCache, answer, container_of
from tests.folders.test_assigner import RefusedByServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS = [Folder(id="one", name="One"), Folder(id="two", name="Two", is_default=True)]
ITEMS = [(FOLDERS, Conversation(title=f"talk {n}", overview="...")) for n in range(6)]


def says(message: str) -> str:
    if "talk 2" in message:
        raise RefusedByServer(400)
    return answer("f1" if "talk 4" in message else "f2")


STATUSES = ["accepted", "accepted", "model_failed_defaulted", "accepted", "accepted", "accepted"]
IDS = ["two", "two", "two", "two", "one", "two"]


def test_many_are_assigned_in_order_and_a_failure_stops_none_of_the_others() -> None:
    assignments = container_of(ScriptedClientCache(says)).folder_assigner().assign_many(ITEMS, concurrency=3)
    assert [assignment.status for assignment in assignments] == STATUSES
    assert [assignment.folder_id for assignment in assignments] == IDS


async def test_the_same_holds_in_an_event_loop() -> None:
    assigner = container_of(ScriptedClientCache(says)).folder_assigner()
    assignments = await assigner.aassign_many(ITEMS, concurrency=3)
    assert [assignment.status for assignment in assignments] == STATUSES
    assert [assignment.folder_id for assignment in assignments] == IDS


def test_nothing_is_assigned_of_nothing() -> None:
    assert container_of(ScriptedClientCache(says)).folder_assigner().assign_many([]) == []


async def test_a_missing_key_is_raised_before_anybody_is_asked() -> None:
    cache = ScriptedClientCache(says)
    assigner = container_of(cache, variables={}).folder_assigner()
    with pytest.raises(MissingPlatformKey):
        assigner.assign_many(ITEMS)
    with pytest.raises(MissingPlatformKey):
        await assigner.aassign_many(ITEMS)
    assert cache.heard == []


def refused(_: str) -> str:
    raise RefusedByServer(401)


async def test_a_users_refused_key_stops_the_rest() -> None:
    cache = ScriptedClientCache(refused)
    scope = RequestScope(user_id="ada", keys={"openai": "sk-of-ada"})
    with request_scope(scope), pytest.raises(UserKeyRejected):
        container_of(cache).folder_assigner().assign_many(ITEMS, concurrency=2)
    with pytest.raises(UserKeyRejected):
        await container_of(cache).folder_assigner().aassign_many(ITEMS, concurrency=2, scope=scope)
    assert len(cache.heard) <= 4


def test_as_many_are_in_work_as_allowed_and_no_more() -> None:
    together = threading.Barrier(3, timeout=20)
    lock, running, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait()
        with lock:
            running -= 1

    assert sorted(index for index, _ in finished(work, range(6), 3)) == [0, 1, 2, 3, 4, 5]
    assert most == 3


async def test_as_many_tasks_are_in_work_as_allowed_and_no_more() -> None:
    gate = asyncio.Event()
    running, most = 0, 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            gate.set()
        await gate.wait()
        running -= 1

    assert sorted([index async for index, _ in afinished(work, range(7), 3)]) == list(range(7))
    assert most == 3


async def test_items_are_drawn_only_as_there_is_room() -> None:
    drawn: list[int] = []

    def endless() -> Iterator[int]:
        for number in count():
            drawn.append(number)
            yield number

    async def work(number: int) -> int:
        return number

    async for index, _ in afinished(work, endless(), 2):
        if index == 5:
            break
    assert len(drawn) <= 8


class Odd(Exception):
    """What a piece of work raises."""


async def test_what_is_under_way_when_another_raises_is_still_yielded() -> None:
    gate = asyncio.Event()

    async def work(number: int) -> int:
        if number == 1:
            gate.set()
            raise Odd
        await gate.wait()
        return number

    seen = []

    async def listen() -> None:
        async for index, _ in afinished(work, range(100), 3):
            seen.append(index)

    with pytest.raises(Odd):
        await listen()
    assert sorted(seen) == [0, 2]


async def test_a_cancelled_caller_still_gets_what_was_finished_and_the_rest_is_cancelled() -> None:
    started, cancelled, seen = asyncio.Event(), [], []

    async def work(number: int) -> int:
        if number == 0:
            return number
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    async def listen() -> None:
        async for index, _ in afinished(work, range(100), 3):
            seen.append(index)

    listening = asyncio.create_task(listen())
    await started.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert seen == [0]
    assert len(cancelled) in {2, 3}
