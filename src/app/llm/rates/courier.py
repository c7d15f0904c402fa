"""The way to the server that counts: in a thread of its own, so that a call waits for no network."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from app.llm.forks import renew_in_children
from app.llm.logs import logger
from app.llm.rates.answers import Waiting, give
from app.llm.rates.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.llm.rates.answers import Answer
    from app.llm.rates.together import Take

MOST_AT_ONCE: Final = 100
"""Takes in one round trip."""
MOST_WAITING: Final = 1000
"""Takes that wait for the next round trip; those beyond it are not shared."""
CLOSING_S: Final = 1.0
"""Seconds for which closing waits for the thread: one that looks up a name can't be interrupted."""


class Windows(Protocol):
    """The windows on a server."""

    def together(self, takes: Sequence[Take]) -> list[float]:
        """Return for each take 0.0 if it is counted, else the seconds until there is room."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Courier:
    """One background thread that carries takes to a server: all that wait, in one round trip.

    It starts with the first take. When the server fails, or somebody finds it too slow, nothing is carried
    for a pause; then the thread tries again, and no call has to. A forked child has a thread and connections
    of its own; what waited in its parent is answered there.
    """

    def __init__(self, opened: Callable[[], Windows], probe: Take) -> None:
        self._opened, self._probe = opened, probe
        self._closed = False
        self._thread: threading.Thread | None = None
        self._windows: Windows | None = None
        self._news: Callable[[], None] | None = None
        self.renew()
        renew_in_children(self)

    @property
    def carries(self) -> bool:
        """Whether takes are carried now."""
        return not self._pauses and not self._closed

    def send(self, take: Take, answer: Answer) -> bool:
        """Return whether the answer will be given; False at once during a pause, or if too many wait.

        A take whose answer is cancelled before it has left is not carried.
        """
        with self._changed:
            if not self.carries or len(self._queue) >= MOST_WAITING or not self._runs():
                return False
            self._queue.append(Waiting(take, answer))
            self._changed.notify()
        return True

    def doubt(self, since: float) -> None:
        """Begin a pause if the server has said nothing since then, a moment of `time.monotonic`."""
        if self._heard_at < since:
            self._lose("too_slow")

    def close(self) -> None:
        """End the thread and its connection. Whoever waits gets no answer."""
        with self._changed:
            self._closed = True
            thread, self._thread = self._thread, None
            unanswered = self._wanted()
            self._changed.notify()
        give((one, None) for one in unanswered)
        if thread is not None:
            thread.join(CLOSING_S)

    def renew(self) -> None:
        """Begin anew: in a forked child, thread and connection are the parent's."""
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Waiting] = deque()
        self._pauses = Pauses()
        self._heard_at = -inf
        self._thread = self._windows = self._news = None

    def _runs(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="pointsman-rates", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while (step := self._next()) is not None:
            step()
        if self._windows is not None:
            self._windows.close()

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do; return None when it is time to end."""
        with self._changed:
            while not self._closed:
                if self._news is not None:
                    news, self._news = self._news, None
                    return news
                left = self._pauses.left()
                if left == 0:
                    return self._try_again
                if left is None and self._queue:
                    return partial(self._carry, self._wanted(MOST_AT_ONCE))
                self._changed.wait(left)
        return None

    def _carry(self, waiting: list[Waiting]) -> None:
        if not waiting:  # all who waited have given up
            return
        answers = self._answers([one.take for one in waiting])
        give(zip(waiting, answers, strict=True))

    def _try_again(self) -> None:
        answers = self._answers([self._probe])
        with self._changed:
            if answers == [None]:
                self._pauses.begin()
            else:
                self._pauses.end()
                self._news = partial(_tell, "rates_shared_again")

    def _answers(self, takes: list[Take]) -> Sequence[float | None]:
        try:
            if self._windows is None:
                self._windows = self._opened()
            answers = self._windows.together(takes)
        except Exception as error:  # noqa: BLE001 - whatever a server does wrong is told here, and no call fails
            self._lose(type(error).__name__)
            return [None] * len(takes)
        self._heard_at = monotonic()
        return answers

    def _lose(self, why: str) -> None:
        """Begin a pause, if there is none: whoever waits gets no answer."""
        with self._changed:
            if not self.carries:
                return
            self._pauses.begin()
            self._news = partial(_tell, "rates_not_shared", why=why)
            unanswered = self._wanted()
            self._changed.notify()
        give((one, None) for one in unanswered)

    def _wanted(self, most: int = MOST_WAITING) -> list[Waiting]:
        """Take out of the queue those who still want an answer."""
        first = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
        return [one for one in first if one.wanted()]


def _tell(event: str, **fields: str) -> None:
    logger().warning(event, **fields)
