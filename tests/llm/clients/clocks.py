"""A clock of which much passes while a test waits little."""

from __future__ import annotations

import asyncio
import time

SPEED = 200.0
"""How many seconds of the clock pass in one of the machine's."""


class FastClock:
    """A clock that runs ahead of the machine's own. It may be started when what a test is about begins."""

    def __init__(self, *, running: bool = False) -> None:
        self._began: float | None = None
        if running:
            self.start()

    def start(self) -> None:
        """Let time pass from now on, if it doesn't yet."""
        if self._began is None:
            self._began = time.monotonic()

    def now(self) -> float:
        """Return the seconds that have passed."""
        return 0.0 if self._began is None else (time.monotonic() - self._began) * SPEED

    def unix(self) -> float:
        """Return the same: nobody compares."""
        return self.now()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass in this thread."""
        time.sleep(self.real(seconds))

    async def asleep(self, seconds: float) -> None:
        """Let so many seconds pass in this task."""
        await asyncio.sleep(self.real(seconds))

    def real(self, seconds: float) -> float:
        """Return how long so many seconds last on this machine."""
        return seconds / SPEED
