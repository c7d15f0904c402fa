"""A circuit as it is meant: written as plainly as possible, for one key, to be compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.llm.catalog.rows import CircuitRow


class Reference:
    """One circuit. Seconds since some moment."""

    def __init__(self, row: CircuitRow) -> None:
        self.row = row
        self.forget()

    def forget(self) -> None:
        self.failures: list[float] = []
        self.quiet_until = 0.0
        self.open_until: float | None = None
        self.probe_until: float | None = None

    def phase(self, now: float) -> str:
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def probing(self, now: float) -> bool:
        return self.probe_until is not None and now < self.probe_until

    def admits(self, now: float) -> tuple[bool, bool]:
        phase = self.phase(now)
        if phase != "half_open":
            return phase == "closed", False
        free = not self.probing(now)
        if free:
            self.probe_until = now + self.row.open_s
        return free, free

    def succeeds(self, now: float) -> None:
        if self.phase(now) != "open":
            self.forget()

    def fails(self, now: float, retry_after_s: float | None) -> None:
        phase = self.phase(now)
        self.quiet_until = max(self.quiet_until, now + min(retry_after_s or 0.0, 600.0))
        if phase == "open":
            self.open_until = max(self.open_until or 0.0, self.quiet_until)
            return
        self.failures = [then for then in self.failures if now - then < self.row.window_s] + [now]
        if phase == "half_open" or len(self.failures) >= self.row.failures:
            self.open_until = max(now + self.row.open_s, self.quiet_until)
            self.probe_until = None

    def is_released(self) -> None:
        self.probe_until = None
