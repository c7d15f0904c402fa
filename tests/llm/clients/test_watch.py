"""One timer watches many reads: it is moved forward when it fires, and back when a read needs it."""

from __future__ import annotations

import asyncio

import pytest

from app.llm.clients.patience import Patience
from app.llm.clients.watch import Watch

TURN_S = 0.02


class SlowClock:
    """A clock that stands still unless it is set; what it calls a second lasts a turn of a test."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        """Return the seconds that were set."""
        return self.time

    def unix(self) -> float:
        """Return the same."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.time += seconds

    async def asleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.time += seconds

    def real(self, seconds: float) -> float:
        """Return how long so many seconds last on this machine."""
        return seconds * TURN_S


class Reader:
    """Somebody whose reads are watched, and the broken ones counted."""

    def __init__(self, first_s: float, chunk_s: float) -> None:
        self.clock = SlowClock()
        self.patience = Patience(self.clock, connect_s=1, first_s=first_s, chunk_s=chunk_s, ends=1000)
        self.broken = asyncio.Event()
        self.watch = Watch(asyncio.get_running_loop(), self.patience, self.broken.set)

    async def is_broken_off(self) -> bool:
        """Wait until the read was broken off."""
        async with asyncio.timeout(20):
            return await self.broken.wait()


async def turns(number: int) -> None:
    await asyncio.sleep(TURN_S * number)


async def test_a_read_whose_time_is_over_doesnt_begin() -> None:
    reader = Reader(first_s=1, chunk_s=1)
    reader.clock.time = 1.0
    with pytest.raises(TimeoutError):
        reader.watch.begin()
    reader.watch.stop()


async def test_a_read_is_broken_off_when_its_time_is_over() -> None:
    reader = Reader(first_s=1, chunk_s=1)
    reader.watch.begin()
    reader.clock.time = 1.0
    assert await reader.is_broken_off()
    assert reader.watch.over


async def test_content_that_came_in_the_meantime_is_seen_when_the_timer_fires() -> None:
    reader = Reader(first_s=1, chunk_s=2)
    reader.watch.begin()
    reader.clock.time = 0.5
    reader.patience.heard()
    await turns(3)
    assert not reader.broken.is_set()
    reader.clock.time = 2.5
    assert await reader.is_broken_off()


async def test_a_nearer_moment_moves_the_timer_back() -> None:
    reader = Reader(first_s=900, chunk_s=1)
    reader.watch.begin()
    reader.patience.heard()
    reader.watch.begin()
    reader.clock.time = 1.0
    assert await reader.is_broken_off()


async def test_whoever_thinks_about_what_was_read_isnt_disturbed() -> None:
    reader = Reader(first_s=1, chunk_s=1)
    reader.watch.begin()
    reader.watch.waiting = False
    reader.clock.time = 1.0
    await turns(3)
    assert not reader.broken.is_set()
    reader.patience.heard()
    reader.watch.begin()
    reader.clock.time = 2.0
    assert await reader.is_broken_off()


async def test_what_arrives_in_the_turn_of_the_limit_is_still_read() -> None:
    loop, reader = asyncio.get_running_loop(), Reader(first_s=1, chunk_s=1)
    reader.watch.begin()

    def arrives() -> None:
        reader.clock.time = 1.0
        loop.call_soon(is_read)  # as a task is woken, by what the selector found in the same turn

    def is_read() -> None:
        reader.watch.waiting = False

    loop.call_at(loop.time() + TURN_S, arrives)
    await turns(4)
    assert not reader.broken.is_set()
