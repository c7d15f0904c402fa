"""Many pieces of work at once, a bounded number of them, each result as soon as it is there."""

from __future__ import annotations

import asyncio
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


def finished(
    work: Callable[[Item], Result], items: Iterable[Item], concurrency: int
) -> Iterator[tuple[int, Result]]:
    """Yield (index, result) as results are there; at most `concurrency` items are in work, each in a thread.

    Items are drawn as there is room for them. If one raises, no more are drawn; what is in work is finished
    and yielded, then the first error is raised. Work runs in a copy of the caller's context.
    """
    queue = enumerate(items)
    failures: list[BaseException] = []
    under_way: dict[Future[Result], int] = {}
    with ThreadPoolExecutor(concurrency, thread_name_prefix="filing") as pool:
        while True:
            for index, item in islice(queue, 0 if failures else concurrency - len(under_way)):
                under_way[pool.submit(copy_context().run, work, item)] = index
            if not under_way:
                break
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                index, failure = under_way.pop(done), done.exception()
                if failure is None:
                    yield index, done.result()
                else:
                    failures.append(failure)
    if failures:
        raise failures[0]


async def afinished(
    work: Callable[[Item], Coroutine[Any, Any, Result]], items: Iterable[Item], concurrency: int
) -> AsyncIterator[tuple[int, Result]]:
    """Yield what `finished` yields, in tasks of this event loop.

    A caller that is cancelled or stops listening cancels what is in work; what was finished by then is still
    yielded.
    """
    queue = enumerate(items)
    failures: list[BaseException] = []
    under_way: dict[asyncio.Task[Result], int] = {}
    try:
        while not _cancelled(failures):
            for index, item in islice(queue, 0 if failures else concurrency - len(under_way)):
                under_way[asyncio.create_task(work(item))] = index
            if not under_way:
                break
            for done in await _settled(under_way, failures):
                index, failure = under_way.pop(done), done.exception()
                if failure is None:
                    yield index, done.result()
                else:
                    failures.append(failure)
    finally:
        await _cancel(under_way)
    if failures:
        raise failures[0]


async def _settled(
    tasks: Iterable[asyncio.Task[Result]], failures: list[BaseException]
) -> set[asyncio.Task[Result]]:
    """Wait for the first tasks to be done. A cancellation goes before all failures: it has to be obeyed."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError as cancellation:
        failures.insert(0, cancellation)
    return {task for task in tasks if task.done()}


def _cancelled(failures: list[BaseException]) -> bool:
    return bool(failures) and isinstance(failures[0], asyncio.CancelledError)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
