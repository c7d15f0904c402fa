"""`python -m tests.servers [SECONDS]`: any model, in a process of its own, until its standard input closes.

It prints its origin, and answers each request after the given delay.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from tests.servers.models import any_model
from tests.servers.wire import Wire

if TYPE_CHECKING:
    from tests.servers.wire import Answer, Received


@lru_cache(maxsize=64)
def _answer(target: str, streamed: bool, received: Same, delay_s: float) -> Answer:  # noqa: FBT001 - a cache key
    return replace(any_model(received.received), delay_s=delay_s)


class Same:
    """A request that equals every other one: it takes no part in the cache's key."""

    def __init__(self, received: Received) -> None:
        self.received = received

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same)


def answer(received: Received, delay_s: float) -> Answer:
    """Answer as the provider would; what was said once for a path is said again."""
    return _answer(received.target, b'"stream":true' in received.body, Same(received), delay_s)


async def main(delay_s: float) -> None:
    """Serve until standard input closes."""
    loop = asyncio.get_running_loop()
    script = partial(answer, delay_s=delay_s)
    listener = await loop.create_server(
        lambda: Wire(script, lambda *_: None, 0), "127.0.0.1", 0, backlog=1024
    )
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)  # noqa: T201 - for the parent
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0))
