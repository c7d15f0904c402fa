"""For how long a server that failed is left alone."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S: Final = 0.5
LONGEST_S: Final = 5.0
STEADY_S: Final = 10.0
"""Seconds for which a server has to have worked, so that pauses begin short again when it fails."""


class Pauses:
    """A server that works, or one that is left alone for a pause: each is twice as long as the one before it.

    Its owner sees to it that one thread at a time uses it. `now`: seconds of this machine, as a server's are.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._length_s = 0.0
        self._over_at: float | None = None
        self._works_since = now()

    def __bool__(self) -> bool:
        return self._over_at is not None

    def left(self) -> float | None:
        """Return the seconds until the server is to be tried again, None if it works."""
        return None if self._over_at is None else max(self._over_at - self._now(), 0.0)

    def begin(self) -> None:
        """Note that the server failed, again if it is in a pause already."""
        now = self._now()
        if not self and now - self._works_since > STEADY_S:
            self._length_s = 0.0
        self._length_s = min(self._length_s * 2 or FIRST_S, LONGEST_S)
        self._over_at = now + self._length_s

    def end(self) -> None:
        """Note that the server works."""
        self._over_at = None
        self._works_since = self._now()
