"""Watching the reads of one answer in an event loop, by a moment that content moves."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from app.llm.clients.patience import Patience

SAME_S = 0.001
"""Seconds. Moments that are no further apart need no new timer: two clocks are read one after the other."""


class Watch:
    """The limit of one answer's reads. One timer serves many: a later moment is seen when it fires."""

    __slots__ = ("_break_off", "_loop", "_patience", "_timer", "_when", "over", "waiting")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, patience: Patience, break_off: Callable[[], None]
    ) -> None:
        self._loop, self._patience, self._break_off = loop, patience, break_off
        self._timer: asyncio.TimerHandle | None = None
        self._when = inf
        self.waiting = False
        """Whether a read is under way; whoever has read resets it."""
        self.over = False
        """Whether a read was broken off."""

    def begin(self) -> None:
        """Watch the read that begins.

        :raises TimeoutError: its time is over already.
        """
        left = self._patience.read()
        if left <= 0.0:
            raise TimeoutError
        when = self._loop.time() + left
        if when < self._when - SAME_S:
            self._set(when)
        self.waiting = True

    def stop(self) -> None:
        """Watch no more."""
        self.waiting = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._when, self._timer = when, self._loop.call_at(when, self._fire)

    def _fire(self) -> None:
        self._when, self._timer = inf, None
        if self.waiting:
            left = self._patience.read()
            if left > 0.0:
                self._set(self._loop.time() + left)
            else:
                # What arrived in this very turn of the loop is read in the next one, before this.
                self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        if self.waiting and self._timer is None and self._patience.read() <= 0.0:
            self.over = True
            self._break_off()
