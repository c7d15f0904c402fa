"""A clock that is moved by hand."""

from __future__ import annotations

from app.llm.clock import SystemClock


class HandClock(SystemClock):
    """Its time stands still until the test lets some pass."""

    def __init__(self, at: float = 1024.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def passes(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.at += seconds
