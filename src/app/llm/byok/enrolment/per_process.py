"""What a process makes for itself, and doesn't share with the children that it forks."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from app.errors import ResourceClosed

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PerProcess(Generic[T]):
    """One thing of this process, made at its first use; a forked child makes its own.

    Threads and connections of a parent don't work in its children: `abandon` leaves a parent's thing to the
    parent, `end` ends one's own.
    """

    def __init__(self, make: Callable[[], T], end: Callable[[T], None], abandon: Callable[[T], None]) -> None:
        self._make, self._end, self._abandon = make, end, abandon
        self._lock, self._owner, self._closed = threading.Lock(), 0, False
        self._thing: T | None = None

    def get(self) -> T:
        """Return the thing of this process.

        :raises ResourceClosed: after `close`.
        """
        process = os.getpid()
        with self._lock:
            if self._closed:
                raise ResourceClosed("the enrolled keys are closed")
            if self._thing is not None and self._owner != process:
                self._abandon(self._thing)
                self._thing = None
            if self._thing is None:
                self._thing, self._owner = self._make(), process
            return self._thing

    def close(self) -> None:
        """End the thing if this process made one. Calling it twice is no error."""
        with self._lock:
            thing, self._thing, self._closed = self._thing, None, True
        if thing is not None and self._owner == os.getpid():
            self._end(thing)
