"""Telling an observer: in a thread of its own, so that it can't break or slow a call (R16)."""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MOST_WAITING = 1000
"""Events that wait for a slow observer; later ones are dropped and counted."""
PATIENCE_S = 2.0
"""Seconds for which closing waits for events that are still to be told."""


class Outbox(Generic[T]):
    """What one process has to tell: the events that wait, and the thread that tells them."""

    def __init__(self, most_waiting: int) -> None:
        self.lock = threading.Lock()
        self.waiting: queue.Queue[T | None] = queue.Queue(most_waiting)
        self.thread: threading.Thread | None = None
        self.closed = False


class Teller(Generic[T]):
    """One background thread that calls an observer with events, in order. It starts with the first event.

    An observer that raises is logged; one that hangs costs the events beyond `most_waiting`. A forked child
    has a thread of its own; what waited in its parent is told there.
    """

    def __init__(self, observer: Callable[[T], object], most_waiting: int = MOST_WAITING) -> None:
        self._observer, self._most_waiting = observer, most_waiting
        self._outboxes: dict[int, Outbox[T]] = {}
        self.dropped = 0
        """Events that were never told because too many waited."""

    def tell(self, event: T) -> None:
        """Leave an event for the observer, and return at once. After `close` nothing is told."""
        outbox = self._outbox()
        with outbox.lock:
            if outbox.closed:
                return
            try:
                outbox.waiting.put_nowait(event)
            except queue.Full:
                self.dropped += 1
                lost = self.dropped
            else:
                lost = 0
            if outbox.thread is None:
                outbox.thread = self._thread(outbox)
        if lost and lost & (lost - 1) == 0:  # a line at 1, 2, 4, 8, ...: what floods us doesn't flood the log
            logger().warning("observer_too_slow", dropped=lost)

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Tell what waits and end the thread; an observer that hangs is left behind after `patience_s`."""
        outbox = self._outbox()
        with outbox.lock:
            outbox.closed = True
            thread, outbox.thread = outbox.thread, None
        if thread is None:
            return
        try:
            outbox.waiting.put(None, timeout=patience_s)
        except queue.Full:
            logger().warning("observer_hangs", untold=outbox.waiting.qsize())
            return
        if thread is not threading.current_thread():
            thread.join(patience_s)

    def _outbox(self) -> Outbox[T]:
        """Return this process's own: a fork copies locks as they are held, and not who would let go."""
        process = os.getpid()
        known = self._outboxes.get(process)
        return known if known is not None else self._outboxes.setdefault(process, Outbox(self._most_waiting))

    def _thread(self, outbox: Outbox[T]) -> threading.Thread:
        thread = threading.Thread(
            target=self._run, args=(outbox.waiting,), name="pointsman-teller", daemon=True
        )
        thread.start()
        return thread

    def _run(self, waiting: queue.Queue[T | None]) -> None:
        while (event := waiting.get()) is not None:
            try:
                self._observer(event)
            except Exception as error:  # noqa: BLE001 - whatever an observer raises is logged and ends here (R16)
                logger().warning("observer_failed", error=type(error).__name__)
