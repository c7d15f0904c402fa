"""A clock that is moved by hand."""

from __future__ import annotations

from app.llm.clock import SystemClock

BEGIN = 1_800_000_000.0
"""Unix seconds at which it begins. Steps are powers of two, so that sums are exact."""


class HandClock(SystemClock):
    """Its time stands still until the test lets some pass."""

    def __init__(self, at: float = BEGIN) -> None:
        self.at = at

    def unix(self) -> float:
        return self.at

    def passes(self, seconds: float) -> None:
        """Let so many seconds pass; below 0, the clock is set back."""
        self.at += seconds


class ShiftedClock(SystemClock):
    """The machine's own time, as a clock shows it that is ahead."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def unix(self) -> float:
        return super().unix() + self._ahead_s
