"""Telling an observer: in a thread of its own, so that it can't break or slow a call (R16)."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from app.llm.forks import renew_in_children
from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

MOST_WAITING = 1000
"""Events that wait for a slow observer; later ones are dropped and counted."""
PATIENCE_S = 2.0
"""Seconds for which closing waits for events that are still to be told."""


class Teller(Generic[T]):
    """One background thread that calls an observer with events, in order. It starts with the first event.

    An observer that raises is logged; one that hangs costs the events beyond `most_waiting`. A forked child
    has a thread of its own; what waited in its parent is told there.
    """

    def __init__(self, observer: Callable[[T], object], most_waiting: int = MOST_WAITING) -> None:
        self._observer, self._most_waiting = observer, most_waiting
        self._closed = False
        self.dropped = 0
        """Events that were never told because too many waited."""
        self._thread: threading.Thread | None = None
        self.renew()
        renew_in_children(self)

    def tell(self, event: T) -> None:
        """Leave an event for the observer, and return at once. After `close` nothing is told."""
        with self._lock:
            if self._closed:
                return
            if self._thread is None:
                self._thread = self._started()
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                self.dropped += 1
                lost = self.dropped
            else:
                lost = 0
        if lost and lost & (lost - 1) == 0:  # a line at 1, 2, 4, 8, ...: what floods us doesn't flood the log
            logger().warning("observer_too_slow", dropped=lost)

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Tell what waits and end the thread; an observer that hangs is left behind after `patience_s`."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            self._waiting.put(None, timeout=patience_s)
        except queue.Full:
            logger().warning("observer_hangs", untold=self._waiting.qsize())
            return
        if thread is not threading.current_thread():
            thread.join(patience_s)

    def renew(self) -> None:
        """Start with nothing to tell: in a forked child, what waits is told by the parent."""
        self._lock = threading.Lock()
        self._waiting: queue.Queue[T | None] = queue.Queue(self._most_waiting)
        self._thread = None

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="pointsman-teller", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._observer(event)
            except Exception as error:  # noqa: BLE001 - whatever an observer raises is logged and ends here (R16)
                logger().warning("observer_failed", error=type(error).__name__)


class Tellers(Generic[T]):
    """Several observers, each told by a teller of its own: none of them waits for another one."""

    def __init__(self, observers: Iterable[Callable[[T], object]]) -> None:
        self._each: tuple[Teller[T], ...] = tuple(map(Teller, observers))

    def tell(self, event: T) -> None:
        """Leave an event for every observer, and return at once."""
        for teller in self._each:
            teller.tell(event)

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Tell what waits and end the threads; each observer that hangs takes up to `patience_s`."""
        for teller in self._each:
            teller.close(patience_s)
