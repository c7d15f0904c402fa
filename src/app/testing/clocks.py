"""A clock for tests."""

from __future__ import annotations

from app.llm.clock import SystemClock


class SleeplessClock(SystemClock):
    """The machine's own time, on which nobody waits: `Container(clock=SleeplessClock())`.

    `slept`: the seconds that somebody would have waited, one entry each. To a plan they have not passed.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Note the seconds."""
        self.slept.append(seconds)

    async def asleep(self, seconds: float) -> None:
        """Note the seconds."""
        self.slept.append(seconds)
