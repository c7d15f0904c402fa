"""How long a request may wait: for its connection, for the first content, and between one and the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.llm.clock import Clock


class Patience:
    """The time that one attempt's request has left, asked anew before each wait. It belongs to one ticket.

    Arguments in seconds of the clock; `ends` is the moment of the plan's deadline. Bytes without content (a
    role, a ping, a comment) extend nothing. What it returns are seconds of this machine, never below 0.
    """

    __slots__ = ("_chunk_s", "_clock", "_connect_s", "_ends", "_next")

    def __init__(
        self, clock: Clock, *, connect_s: float, first_s: float, chunk_s: float, ends: float
    ) -> None:
        self._clock, self._connect_s, self._chunk_s, self._ends = clock, connect_s, chunk_s, ends
        self._next = clock.now() + first_s

    def connect(self) -> float:
        """Return how long it may take until the connection is open."""
        return min(self._clock.real(self._connect_s), self.read())

    def read(self) -> float:
        """Return how long it may take until the next bytes are there, or until all bytes are written."""
        left = min(self._next, self._ends) - self._clock.now()
        return self._clock.real(left) if left > 0 else 0.0

    def heard(self) -> None:
        """Note that content has arrived: the next one may take as long as chunks may be apart."""
        self._next = self._clock.now() + self._chunk_s
