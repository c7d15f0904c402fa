"""Time as a plan sees it: a seam, so that a test or a drill can say how fast it runs."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What plans, circuits and limits take the time from. All durations are seconds of this clock."""

    def now(self) -> float:
        """Return the seconds since some moment: they only ever go forward."""
        ...

    def unix(self) -> float:
        """Return the seconds since 1970, which processes share and which may be set back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass in this thread."""
        ...

    async def asleep(self, seconds: float) -> None:
        """Let so many seconds pass in this task."""
        ...

    def real(self, seconds: float) -> float:
        """Return how long so many seconds last on this machine, where sockets wait."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Return the seconds since the machine started."""
        return time.monotonic()

    def unix(self) -> float:
        """Return the seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass in this thread."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Let so many seconds pass in this task."""
        await asyncio.sleep(seconds)

    def real(self, seconds: float) -> float:
        """Return the seconds themselves."""
        return seconds
