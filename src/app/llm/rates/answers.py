"""How an answer gets from the courier's thread to those who wait for it, in threads and in event loops."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.llm.rates.together import Take

Answer = Future[float | None] | asyncio.Future[float | None]
"""0.0 or the seconds until there is room; None if the server said nothing. Whoever cancels it gives it up."""


class Waiting(NamedTuple):
    """A take that somebody waits for."""

    take: Take
    answer: Answer

    def wanted(self) -> bool:
        """Return whether the answer wasn't given up. It is asked once."""
        if isinstance(self.answer, asyncio.Future):
            return not self.answer.cancelled()
        return self.answer.set_running_or_notify_cancel()


def give(answers: Iterable[tuple[Waiting, float | None]]) -> None:
    """Give answers to those who want them."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[float | None], float | None]]]
    loops = defaultdict(list)
    for (_, answer), seconds in answers:
        if isinstance(answer, asyncio.Future):
            loops[answer.get_loop()].append((answer, seconds))
        else:
            answer.set_result(seconds)
    # A loop is woken once for all of its own: whenever it wakes, it may keep this thread waiting for a while.
    for loop, its_own in loops.items():
        with suppress(RuntimeError):  # it was closed, so nobody waits there
            loop.call_soon_threadsafe(_settle, its_own)


def _settle(answers: list[tuple[asyncio.Future[float | None], float | None]]) -> None:
    for answer, seconds in answers:
        if not answer.done():
            answer.set_result(seconds)
