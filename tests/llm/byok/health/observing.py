"""A clock that a test moves, an observer that a test waits for, and keys of users."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import TYPE_CHECKING

from app.llm.byok.health.conditions import KeyFailure, KeyHealthChanged
from app.llm.byok.health.memory import InMemoryKeyHealth

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 30.0
REFUSED = KeyFailure("auth", 401)
FORBIDDEN = KeyFailure("permission", 403)
NO_MONEY = KeyFailure("quota", 402)


def key(text: str = "sk-one") -> Callable[[], str]:
    """Return what reveals a key."""
    return lambda: text


@dataclass
class Clock:
    """The time, as a test says it."""

    at: datetime = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **much: float) -> datetime:
        """Move on, and return the time."""
        self.at += timedelta(**much)
        return self.at


@dataclass
class Observer:
    """An observer that remembers what it was told; it can be waited for."""

    told: Queue[KeyHealthChanged] = field(default_factory=Queue)

    def __call__(self, event: KeyHealthChanged) -> None:
        self.told.put(event)

    def next(self) -> KeyHealthChanged:
        """Return the next event that nobody waited for yet."""
        return self.told.get(timeout=PATIENCE_S)


@dataclass
class Watched:
    """Key health with a clock and an observer."""

    clock: Clock = field(default_factory=Clock)
    observer: Observer = field(default_factory=Observer)

    def __post_init__(self) -> None:
        self.health = InMemoryKeyHealth(self.observer, clock=self.clock)

    def works(self, text: str = "sk-one") -> None:
        """Note a call that succeeded."""
        self.health.succeeded("ada", "acme", key(text))

    def fails(self, failure: KeyFailure = REFUSED, text: str = "sk-one") -> None:
        """Note a call that failed."""
        self.health.failed("ada", "acme", key(text), failure)

    def events(self) -> list[tuple[str, str, bool]]:
        """Close, and return everything that was told: old state, new state, whether it was a repetition."""
        self.health.close()
        told = [self.observer.told.get_nowait() for _ in range(self.observer.told.qsize())]
        return [(event.old, event.new, event.repeated) for event in told]
