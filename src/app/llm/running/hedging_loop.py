"""An event loop for the calls of threads that may be hedged: two requests at once are two tasks there."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future, wait
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from app.errors import ResourceClosed
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""Seconds for which a thread waits for what it has cancelled or closed to end."""
END: Final[Any] = object()
"""What comes after the last chunk."""


class LoopThread:
    """One event loop in a thread of its own, until it is told to end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.calls = 0
        """How many calls are on it; its owner counts them."""
        self._process = os.getpid()
        self._told_to_end = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="pointsman-hedging", daemon=True)
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this very code runs in its thread."""
        return threading.current_thread() is self._thread

    @property
    def is_the_parents(self) -> bool:
        """Whether it was left behind in the process that forked this one."""
        return os.getpid() != self._process

    def end(self) -> None:
        """Let the tasks end that are left, and then the thread."""
        self.loop.call_soon_threadsafe(self._told_to_end.set)

    def join(self, seconds: float) -> None:
        """Wait so long for the thread to end, unless it is this one."""
        if not self.is_here:
            self._thread.join(seconds)

    def close_later(self, close: Callable[[], Coroutine[Any, Any, None]], done: Callable[[], None]) -> None:
        """Close something from within the loop's own thread, which can't wait for it."""
        task = self.loop.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        task.add_done_callback(lambda _: done())

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._told_to_end.wait()
        # Connections may be closing right now. What ends here besides is closed with the loop.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=PATIENCE_S)


class Lane:
    """The place of one call of a thread on the loop, where it has the thread's context. It is used once."""

    def __init__(self, runs_on: LoopThread, leave: Callable[[], None]) -> None:
        self._on, self._leave = runs_on, leave
        self._context = copy_context()

    def answer(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what is answered on the loop, or raise it. An interrupt of this thread cancels it there."""
        try:
            return self._result(ask)
        finally:
            self._leave()

    def each(self, chunks: AsyncGenerator[T]) -> Generator[T]:
        """Yield the chunks of a generator of the loop, each when it is asked for; closing this closes it."""
        try:
            while (chunk := self._result(lambda: _next(chunks))) is not END:
                yield chunk
        finally:
            self._close(chunks)

    def _close(self, chunks: AsyncGenerator[T]) -> None:
        if self._on.is_the_parents:
            return
        if self._on.is_here:  # a generator that nobody holds any more is closed by whichever thread finds it
            self._on.close_later(chunks.aclose, self._leave)
            return
        try:
            self._result(chunks.aclose, PATIENCE_S)
        finally:
            self._leave()

    def _result(self, make: Callable[[], Coroutine[Any, Any, T]], seconds: float | None = None) -> T:
        """Return what a coroutine returns on the loop. Raises TimeoutError if that takes longer."""
        if self._on.is_the_parents:
            raise ResourceClosed("a call of the parent process can't go on in a forked child")
        done, tasks = Future[T](), list[asyncio.Task[None]]()
        self._on.loop.call_soon_threadsafe(self._begin, make, done, tasks)
        try:
            return done.result(seconds)
        except BaseException:
            if not done.done():
                self._on.loop.call_soon_threadsafe(_cancel, tasks)
                wait((done,), PATIENCE_S)
            raise
        finally:
            del done  # or an error would hold itself, by the frames of its traceback

    def _begin(
        self, make: Callable[[], Coroutine[Any, Any, T]], done: Future[T], tasks: list[asyncio.Task[None]]
    ) -> None:
        task = self._on.loop.create_task(_delivered(make, done), context=self._context)
        task.add_done_callback(lambda _: _told_at_last(done))
        tasks.append(task)


class HedgingLoop:
    """Where the calls of threads run that may be hedged. It starts with the first of them.

    A forked child has one of its own; the parent's is kept there unused, as closing it would reach into the
    parent's.
    """

    def __init__(self) -> None:
        self._parents: list[LoopThread] = []
        self._running: LoopThread | None = None
        self._closed = False
        self.renew()
        renew_in_children(self)

    def lane(self) -> Lane | None:
        """Return the place of a call that begins now; None: it is closed, or the call would wait for itself.

        A schema's own validator, which runs on the loop, may ask a model too.
        """
        with self._lock:
            running = self._running
            if self._closed or (running is not None and running.is_here):
                return None
            if running is None:
                running = self._running = LoopThread()
            running.calls += 1
        return Lane(running, lambda: self._left(running))

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Take no further call, and end when those under way have ended. Calling it twice is no error."""
        with self._lock:
            first, self._closed = not self._closed, True
            running = self._running
            idle = running is not None and running.calls == 0
        if first and idle and running is not None:
            running.end()
            running.join(patience_s)

    def renew(self) -> None:
        """Start with no loop: in a forked child, the thread of the parent's isn't there."""
        self._lock = threading.Lock()
        if self._running is not None:
            self._parents.append(self._running)
        self._running = None

    def _left(self, running: LoopThread) -> None:
        with self._lock:
            running.calls -= 1
            last = self._closed and running.calls == 0
        if last and not running.is_the_parents:
            running.end()


async def _next(chunks: AsyncGenerator[T]) -> T:
    return await anext(chunks, END)


async def _delivered(make: Callable[[], Coroutine[Any, Any, T]], done: Future[T]) -> None:
    try:
        done.set_result(await make())
    except BaseException as error:  # noqa: BLE001 - all is the waiting thread's; an exit would end the loop of others
        done.set_exception(error)
    finally:
        del done  # as above


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _told_at_last(done: Future[T]) -> None:
    """Wake the thread of a task that was cancelled before it began."""
    if not done.done():
        done.set_exception(asyncio.CancelledError())
