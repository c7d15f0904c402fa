"""Rate limits that one process keeps for itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from app.llm.clock import SystemClock
from app.llm.forks import renew_in_children
from app.llm.rates.reading import LimitStrings, counted_as

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import MovingWindowRateLimiter

    from app.llm.clock import Clock
    from app.llm.rates.port import RateKey
    from app.llm.rates.windows import MovingWindows

MARGIN_S: Final = 0.001
"""Added to what is to be waited for, so that whoever waited so long isn't a rounding too early."""
MOST_WINDOWS: Final = 100_000
"""Windows that are kept, one a key and limit. Beyond it, windows in use are forgotten too."""


class InMemoryRates:
    """Counts the requests of this process: no window of a limit's length ever holds more than the limit.

    Every request is counted by its moment, eight bytes each for as long as the window lasts. A forked child
    begins to count anew. The library `limits` is imported with the first limit, for 0.1 s, unless a catalog
    with limits was checked before.
    """

    def __init__(self, clock: Clock | None = None, *, most_windows: int = MOST_WINDOWS) -> None:
        self._clock = clock or SystemClock()
        self._most_windows = most_windows
        self._read = LimitStrings()
        self._made: tuple[MovingWindows, MovingWindowRateLimiter] | None = None
        self.renew()
        renew_in_children(self)

    def take(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Count one request if every limit has room for it, and return 0.0; else the seconds until it has."""
        if not limits:
            return 0.0
        items, name = self._read(limits), counted_as(key)
        with self._lock:
            left = self._left(items, name)
            if not left:
                for item in items:
                    self._counting()[1].hit(item, name)
        return left

    async def atake(self, key: RateKey, limits: tuple[str, ...]) -> float:
        """Do as `take` does, which takes microseconds and waits for nobody."""
        return self.take(key, limits)

    def give_back(self, key: RateKey, limits: tuple[str, ...]) -> None:
        """Uncount the latest request of those that were counted: it was not sent."""
        items, name = self._read(limits), counted_as(key)
        with self._lock:
            windows = self._counting()[0]
            for item in items:
                windows.withdraw(item.key_for(name))

    def close(self) -> None:
        """Forget what was counted. Nothing runs in the background."""
        with self._lock:
            self._made = None

    def renew(self) -> None:
        """Count anew: in a forked child, a thread of the parent may have been in the middle of it."""
        self._lock = threading.Lock()
        self._made = None

    def _left(self, items: tuple[RateLimitItem, ...], name: str) -> float:
        _, limiter = self._counting()
        full = [item for item in items if not limiter.test(item, name)]
        if not full:
            return 0.0
        room = max(limiter.get_window_stats(item, name).reset_time for item in full)
        return max(room - self._clock.now(), 0.0) + MARGIN_S

    def _counting(self) -> tuple[MovingWindows, MovingWindowRateLimiter]:
        if self._made is None:
            from limits.strategies import MovingWindowRateLimiter

            from app.llm.rates.windows import MovingWindows

            windows = MovingWindows(self._clock.now, self._most_windows)
            self._made = windows, MovingWindowRateLimiter(windows)
        return self._made
