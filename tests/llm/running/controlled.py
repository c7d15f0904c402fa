"""A clock that stands still unless somebody lets time pass, and then takes no time at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN = 1_000.0
AT_UNIX = 1_800_000_000.0


class ControlledClock:
    """A clock whose time passes when somebody sleeps on it, or advances it. `slept` are the waits so far.

    `on_wait` is called at each wait, with its number from 1, before the time passes.
    """

    def __init__(self) -> None:
        self._now = BEGAN
        self.slept: list[float] = []
        self.on_wait: Callable[[int], None] = lambda number: None

    def now(self) -> float:
        return self._now

    def unix(self) -> float:
        return AT_UNIX + self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_wait(len(self.slept))
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_wait(len(self.slept))
        await asyncio.sleep(0)
        self.advance(seconds)

    def real(self, seconds: float) -> float:
        return seconds

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "time doesn't go backward"
        self._now += seconds
