"""Parts with a thread inside that doesn't come back before a gate is opened."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.forks import Renewed

    Part = tuple[Renewed, Callable[[], object]]
    """A part, and a use of it, which waits for a thread that is inside."""


class FirstWaits:
    """Work that its first caller doesn't finish before the gate is opened; later ones do at once."""

    def __init__(self) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if not self.begun.is_set():
            self.begun.set()
            self.gate.wait()


class SlowName(str):
    """A name that works before it is looked up: whoever looks it up under a lock holds the lock so long."""

    __slots__ = ("_work",)
    _work: FirstWaits

    def __new__(cls, text: str, work: FirstWaits) -> Self:
        name = super().__new__(cls, text)
        name._work = work
        return name

    def __hash__(self) -> int:
        self._work()
        return super().__hash__()


def held(make: Callable[[FirstWaits], Part]) -> tuple[Part, FirstWaits]:
    """Return a part while a thread is inside."""
    work = FirstWaits()
    part = make(work)
    threading.Thread(target=part[1], daemon=True).start()
    if not work.begun.wait(PATIENCE_S):
        raise TimeoutError("nobody went inside")
    return part, work
