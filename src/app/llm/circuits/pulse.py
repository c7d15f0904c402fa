"""A background thread that does one thing again and again, and less often while it fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PAUSE_S = 5.0
"""Seconds between two tries of what has failed for a while."""
PATIENCE_S = 1.0
"""Seconds for which stopping waits for what is under way."""


class Pulse:
    """One daemon thread that calls `beat` at once, and `turn_s` seconds of this machine after each call.

    `beat` returns whether it worked: while it didn't, the pause doubles, up to five seconds. A forked child
    has a thread of its own, which starts when it is first wanted there.
    """

    def __init__(self, beat: Callable[[], bool], turn_s: float) -> None:
        self._beat, self._turn_s = beat, turn_s
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.renew()
        renew_in_children(self)

    def start(self) -> None:
        """Start the thread if it isn't there; after `stop`, nothing happens."""
        with self._lock:
            self.idle = False
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="pointsman-circuits", daemon=True)
                self._thread.start()

    def stop(self, patience_s: float = PATIENCE_S) -> bool:
        """End the thread, and return whether it has ended within `patience_s`. It may be called twice."""
        with self._lock:
            self._stopped, self.idle = True, False
            thread = self._thread
        self._stop.set()
        if thread is not None:
            thread.join(patience_s)
        return thread is None or not thread.is_alive()

    def renew(self) -> None:
        """Be without a thread: in a forked child, the parent's isn't there."""
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = None
        self.idle = not self._stopped
        """Whether there is no thread yet. Reading it costs a caller next to nothing."""

    def _run(self) -> None:
        stop, pause = self._stop, 0.0
        while not stop.wait(pause):
            pause = self._turn_s if self._beat() else min(2 * max(pause, self._turn_s), LONGEST_PAUSE_S)
