"""Run in a fresh process: `python -m tests.llm.clients.forking ADAPTER ORIGIN SCENARIO...` forks, and calls.

It prints a line when the server may go on, and ends with 0 if everything was as it should be.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from app.llm.clients.transport import Transport
from tests.llm.providers.adapters import adapters, caller
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.llm.providers.adapters import Caller

PATIENCE_S = 30
THREADS = 8
FORKS = 15
PARENT, CHILD = "sk-parent", "sk-child"


def fork(work: Callable[[], object]) -> int:
    """Start a child that does this work, and ends with 0 if nothing was raised; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
        traceback.print_exc()
    finally:
        os._exit(code)


def ended_well(pid: int) -> bool:
    """Wait for a child, and return whether it did its work."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def asks(model: Caller, key: str) -> None:
    assert model.ask(key).text == TEXT


def asks_in_a_loop(model: Caller, key: str) -> None:
    async def ask_twice() -> None:
        for _ in range(2):
            assert (await model.aask(key)).text == TEXT

    asyncio.run(ask_twice())


def both(model: Caller) -> None:
    """The parent's connection serves the parent before, during and after the child's calls from a thread."""

    def child() -> None:
        asks(model, CHILD)
        asks(model, CHILD)
        asks_in_a_loop(model, CHILD)

    asks(model, PARENT)
    pid = fork(child)
    asks(model, PARENT)
    assert ended_well(pid)
    asks(model, PARENT)


def in_a_loop(model: Caller) -> None:
    """The same, from within an event loop; a second child unwinds the loop that it inherited."""

    async def parent() -> None:
        assert (await model.aask(PARENT)).text == TEXT
        assert ended_well(fork(lambda: asks_in_a_loop(model, CHILD)))
        assert (await model.aask(PARENT)).text == TEXT
        child = os.fork()
        if not child:
            sys.exit()
        assert ended_well(child)
        assert (await model.aask(PARENT)).text == TEXT

    asyncio.run(parent())


def in_the_middle_of_a_stream(model: Caller) -> None:
    """A child can't read on in its parent's stream, and may close it; the parent reads all of it."""
    stream = model.stream()
    texts = [next(stream).text]

    def reads_on() -> None:
        try:
            list(stream)
        except Exception:  # noqa: BLE001 - as each SDK says it
            asks(model, CHILD)
        else:
            raise AssertionError("the child read its parent's answer")

    assert ended_well(fork(reads_on))
    assert ended_well(fork(stream.close))  # type: ignore[attr-defined] # it is a generator
    print("go on", flush=True)  # noqa: T201 - for the test
    assert "".join([*texts, *(chunk.text for chunk in stream)]) == TEXT


def closes(model: Caller) -> None:
    """A child that closes the transport closes nothing of its parent's."""

    def child() -> None:
        asks(model, CHILD)
        model.transport.close()

    asks(model, PARENT)
    assert ended_well(fork(child))
    asks(model, PARENT)


def outlives(model: Caller) -> None:
    """A connection ends when the parent closes it, although a child still lives."""
    asyncio.run(asks_then_forks_then_closes(model))


async def asks_then_forks_then_closes(model: Caller) -> None:
    asks(model, PARENT)
    await model.aask(PARENT)
    pid = fork(sys.stdin.read)
    model.transport.close()
    await asyncio.to_thread(os.waitpid, pid, 0)


def in_the_middle_of_everything(model: Caller) -> None:
    """Children that are forked while many threads and loops are calling end a stream, and call at once."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def keep_asking(ask: Callable[[Caller, str], None]) -> None:
        try:
            while not stop.is_set():
                ask(model, PARENT)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            failures.append(error)

    ways = [asks] * THREADS + [asks_in_a_loop] * 2
    for ask in set(ways):
        ask(
            model, PARENT
        )  # a child that is forked in the middle of an import can't import the same: Python's own
    threads = [threading.Thread(target=keep_asking, args=[way]) for way in ways]
    stream = model.stream()
    next(stream)

    def child() -> None:
        stream.close()  # type: ignore[attr-defined] # it is a generator
        asks(model, CHILD)
        asks_in_a_loop(model, CHILD)

    for thread in threads:
        thread.start()
    try:
        for _ in range(FORKS):
            assert ended_well(fork(child))
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert not failures


SCENARIOS = {
    one.__name__: one
    for one in (both, in_a_loop, in_the_middle_of_a_stream, closes, outlives, in_the_middle_of_everything)
}


def main(protocol: str, origin: str, *scenarios: str) -> None:
    adapter = next(one for one in adapters() if one.name == protocol)
    model = caller(adapter, origin, Transport())
    for scenario in scenarios:
        SCENARIOS[scenario](model)
    model.transport.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
