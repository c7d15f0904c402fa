"""A clock that runs fast where everybody waits for a server that says nothing."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class FastClock:
    """A clock that passes as the machine's does while anybody works, and `speed` times as fast in waits.

    Waits are its sleeps, of callers and of a server that is silent; those at the same time count once. What
    takes the machine's time, a thread that wakes up late too, takes as much of this clock's. At the moment
    `fast_until` it runs fast no more: whoever should have given up by then isn't later by its speed.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self.fast_until = math.inf
        self._lock = threading.Lock()
        self._began, self._unix = time.monotonic(), time.time()
        self._gained = self._since = 0.0
        self._ends: list[float] = []
        """When the waits that are under way are over, in seconds of the machine."""

    def now(self) -> float:
        """Return the seconds since this clock was made."""
        with self._lock:
            moment = time.monotonic()
            return moment - self._began + self._gain(moment)

    def unix(self) -> float:
        """Return the seconds since 1970: the machine's when this clock was made, and its own since."""
        return self._unix + self.now()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass in this thread."""
        with self._waiting(seconds):
            time.sleep(self.real(seconds))

    async def asleep(self, seconds: float) -> None:
        """Let so many seconds pass in this task."""
        with self._waiting(seconds):
            await asyncio.sleep(self.real(seconds))

    def real(self, seconds: float) -> float:
        """Return how long so many seconds last on this machine in a wait."""
        return seconds / self.speed

    @contextmanager
    def _waiting(self, seconds: float) -> Iterator[None]:
        """Run fast for so many seconds, or until the block ends if that is earlier."""
        with self._lock:
            self._settle()
            end = self._since + self.real(seconds)
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                self._ends.remove(end)

    def _settle(self) -> None:
        """Keep what was gained until now, before the waits change."""
        moment = time.monotonic()
        self._gained, self._since = self._gain(moment), moment

    def _gain(self, moment: float) -> float:
        """Return by how many seconds this clock is ahead of the machine's."""
        left = self.fast_until - (self._since - self._began + self._gained)
        fast = min(moment, max(self._ends, default=self._since), self._since + self.real(left)) - self._since
        return self._gained + max(0.0, fast) * (self.speed - 1.0)
