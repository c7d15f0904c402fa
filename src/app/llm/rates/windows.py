"""Moving windows in this process's memory. Importing this module imports the library `limits`."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING

from limits.storage import MovingWindowSupport, Storage

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_AT = 2
"""Windows that each new one has looked at, whether they can go: so the empty ones never pile up."""


class _Window:
    """The moments of the requests that one limit counted, in order; `first` is the oldest that matters."""

    __slots__ = ("first", "length_s", "moments")

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self.moments = array("d")
        self.first = 0

    def count(self, now: float) -> int:
        """Return how many requests are in the window that ends now. Both of its ends belong to it."""
        self.first = bisect_left(self.moments, now - self.length_s, self.first)
        if self.first * 2 > len(self.moments):  # not each time: what is left has to be moved
            del self.moments[: self.first]
            self.first = 0
        return len(self.moments) - self.first


class MovingWindows(Storage, MovingWindowSupport):
    """A storage of the library `limits` that takes its time from a clock and starts no thread.

    The library's own reads the machine's time, starts a thread with nearly every request that it counts
    (0.2 ms of CPU), and keeps the name of every key that it ever saw. It isn't thread-safe: its owner is.
    Beyond `most` windows one is forgotten for each new one.
    """

    STORAGE_SCHEME = None

    def __init__(self, now: Callable[[], float], most: int) -> None:
        super().__init__()
        self._now, self._most = now, most
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What this storage raises when it can't be reached: nothing."""
        return ()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` requests if no more than `limit` are in the window then."""
        now = self._now()
        window = self._windows.get(key) or self._opened(key, expiry, now)
        if window.count(now) + amount > limit:
            return False
        window.moments.extend([now] * amount)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the port's
        """Return the moment of the oldest request in the window, or now; and how many are in it."""
        now = self._now()
        window = self._windows.get(key)
        count = window.count(now) if window else 0
        return (window.moments[window.first], count) if window and count else (now, 0)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` requests, whatever the limit is; return how many are in the window."""
        now = self._now()
        window = self._windows.get(key) or self._opened(key, expiry, now)
        window.moments.extend([now] * amount)
        return window.count(now)

    def withdraw(self, key: str) -> None:
        """Uncount the latest request in a window, if there is one."""
        window = self._windows.get(key)
        if window and window.count(self._now()):
            window.moments.pop()

    def get(self, key: str) -> int:
        """Return how many requests are in a window."""
        window = self._windows.get(key)
        return window.count(self._now()) if window else 0

    def get_expiry(self, key: str) -> float:
        """Return the moment at which a window will be empty."""
        window = self._windows.get(key)
        return window.moments[-1] + window.length_s if window and window.moments else self._now()

    def check(self) -> bool:
        """Return whether the storage can be reached."""
        return True

    def reset(self) -> int:
        """Forget everything; return how many windows there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a window."""
        self._windows.pop(key, None)

    def _opened(self, key: str, length_s: float, now: float) -> _Window:
        for old in [key for key, _ in zip(self._windows, range(LOOKED_AT), strict=False)]:
            window = self._windows[old]
            if window.count(now):
                self._windows.move_to_end(old)
            else:
                del self._windows[old]
        if len(self._windows) >= self._most:
            self._windows.popitem(last=False)
        window = self._windows[key] = _Window(length_s)
        return window
