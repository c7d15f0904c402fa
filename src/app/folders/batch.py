"""Many pieces of work at once, a bounded number of them, each result as soon as it is there."""

from __future__ import annotations

import asyncio
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

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
    indices: dict[Future[Result], int] = {}
    with ThreadPoolExecutor(concurrency, thread_name_prefix="pointsman-filing") as pool:
        while True:
            for index, item in islice(queue, 0 if failures else concurrency - len(indices)):
                indices[pool.submit(copy_context().run, work, item)] = index
            if not indices:
                break
            for future in wait(indices, return_when=FIRST_COMPLETED).done:
                index, error = indices.pop(future), future.exception()
                if error is None:
                    yield index, future.result()
                else:
                    failures.append(error)
    if failures:
        raise failures[0]


async def afinished(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], concurrency: int
) -> AsyncIterator[tuple[int, Result]]:
    """Yield (index, result) as results are there, at most `concurrency` items in work, each in its own task.

    As `finished`; and if the caller is cancelled or stops listening, what is in work is cancelled.
    """
    queue = enumerate(items)
    failures: list[BaseException] = []
    indices: dict[asyncio.Task[Result], int] = {}
    try:
        while True:
            for index, item in islice(queue, 0 if failures else concurrency - len(indices)):
                indices[asyncio.ensure_future(_awaited(work(item)))] = index
            if not indices:
                break
            done, _ = await asyncio.wait(indices, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                index, error = indices.pop(task), task.exception()
                if error is None:
                    yield index, task.result()
                else:
                    failures.append(error)
    finally:
        await _cancelled(indices)
    if failures:
        raise failures[0]


async def _awaited(awaitable: Awaitable[Result]) -> Result:
    return await awaitable


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
