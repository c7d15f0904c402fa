"""Clocks for tests."""

from __future__ import annotations

from app.llm.clock import SystemClock


class Sleepless(SystemClock):
    """The machine's own time, on which nobody waits. `slept`: the seconds that somebody would have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)
