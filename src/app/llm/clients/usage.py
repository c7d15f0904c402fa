"""How many requests are under way, so that closing waits for the last one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.errors import ResourceClosed

if TYPE_CHECKING:
    from collections.abc import Callable


class Usage:
    """A count of requests under way over one resource. `release` runs once: closed, and none under way."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._lock = threading.Lock()
        self._under_way = 0
        self._closed = False

    @property
    def under_way(self) -> int:
        """How many requests are under way."""
        return self._under_way

    def enter(self) -> None:
        """Count a request in. Raises ResourceClosed once `close` was called."""
        with self._lock:
            if self._closed:
                raise ResourceClosed("the transport is closed")
            self._under_way += 1

    def leave(self) -> None:
        """Count a request out; the last one out after `close` releases the resource."""
        with self._lock:
            self._under_way -= 1
            last = self._closed and self._under_way == 0
        if last:
            self._release()

    def renew(self) -> None:
        """In a forked child, free the lock that a thread of the parent may hold."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let no further request in; release at once if none is under way. Calling it twice is no error."""
        with self._lock:
            idle = not self._closed and self._under_way == 0
            self._closed = True
        if idle:
            self._release()
