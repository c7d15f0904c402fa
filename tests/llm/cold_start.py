"""`python -m tests.llm.cold_start ORIGIN`: thirty threads, two loops each, in a process without any SDK yet.

It prints what each call came to.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.llm.crowd import PROTOCOLS, QUESTION, container_at, user

if TYPE_CHECKING:
    from app.llm import LLMService

THREADS, TIMES = 30, 3


async def ask_everywhere(service: LLMService, number: int) -> list[str]:
    """Ask all three protocols at once, three times; return the answers, or what was raised instead."""
    models = [service.get_llm(feature, scope=user(number)) for feature in PROTOCOLS for _ in range(TIMES)]
    answers = await asyncio.gather(*(model.ainvoke(QUESTION) for model in models), return_exceptions=True)
    return [repr(one) if isinstance(one, BaseException) else one.text for one in answers]


def main(origin: str) -> None:
    """Ask from all threads, and print an answer a line."""
    with container_at(origin) as container, ThreadPoolExecutor(THREADS) as threads:
        service, together = container.llm_service(), threading.Barrier(THREADS)
        # One SDK is there, and calls over it go on while the others are imported.
        print(service.get_llm(PROTOCOLS[0], scope=user(0)).invoke(QUESTION).text)  # noqa: T201 - for the parent

        def two_loops(number: int) -> list[str]:
            together.wait()
            return [
                *asyncio.run(ask_everywhere(service, number)),
                *asyncio.run(ask_everywhere(service, number)),
            ]

        for answers in threads.map(two_loops, range(THREADS)):
            print(*answers, sep="\n")  # noqa: T201 - for the parent


if __name__ == "__main__":
    main(sys.argv[1])
