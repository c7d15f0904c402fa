"""A server in a thread of its own, for one test."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from queue import Empty, Queue
from typing import TYPE_CHECKING

from tests.servers.wire import Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tests.servers.wire import Answer, Received, Script

PATIENCE_S = 20.0
"""Seconds after which a test that waits for the server gives up."""


ACCEPTED_BY = 3
"""Turns of the loop after which a connection that came last is known."""


class RunningServer:
    """A server that is running on a free port of 127.0.0.1, and everything that it saw."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received: list[Received] = []
        self.arrivals: Queue[Received] = Queue()
        self.interruptions: Queue[int] = Queue()
        """Numbers of the connections that ended while an answer was under way."""
        self.endings: Queue[int] = Queue()
        """Numbers of the connections that ended, whenever."""
        self.connections = 0
        self._open: dict[int, Wire] = {}
        self.origin = ""
        self.loop: asyncio.AbstractEventLoop | None = None

    def answer(self, received: Received) -> Answer:
        """Note a request, and answer it as the script says."""
        self.received.append(received)
        self.arrivals.put(received)
        return self.script(received)

    def wire(self) -> Wire:
        """Return the protocol of a new connection."""
        self.connections += 1
        wire = self._open[self.connections] = Wire(self.answer, self._note_end, self.connections)
        return wire

    def hang_up(self) -> None:
        """Close the connections that are open, from any thread."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.drop_all)

    async def end(self) -> None:
        """Close every connection, also those that were just accepted. It runs in the server's loop."""
        for _ in range(ACCEPTED_BY):
            await asyncio.sleep(0)
        latest = asyncio.get_running_loop().time() + PATIENCE_S
        while (
            any(wire.connected for wire in self._open.values()) and asyncio.get_running_loop().time() < latest
        ):
            self.drop_all()
            await asyncio.sleep(0)

    def drop_all(self) -> None:
        """Close the connections that are still open. It runs in the server's loop."""
        for wire in list(self._open.values()):
            wire.drop()

    def _note_end(self, number: int, interrupted: bool) -> None:  # noqa: FBT001 - asyncio's own fact, not a switch
        # asyncio says that a connection is lost just before it closes the socket.
        asyncio.get_running_loop().call_soon(self._ended, number, interrupted)

    def _ended(self, number: int, interrupted: bool) -> None:  # noqa: FBT001 - asyncio's own fact, not a switch
        self._open.pop(number, None)
        self.endings.put(number)
        if interrupted:
            self.interruptions.put(number)

    def next_arrival(self) -> Received:
        """Return the next request that nobody waited for yet."""
        return self.arrivals.get(timeout=PATIENCE_S)

    def next_interruption(self) -> int:
        """Return the number of the next connection that its client left in the middle of an answer."""
        return self.interruptions.get(timeout=PATIENCE_S)

    def next_ending(self) -> int:
        """Return the number of the next connection that ended."""
        return self.endings.get(timeout=PATIENCE_S)

    def nothing_ended(self) -> bool:
        """Whether every connection is still open, or its end was waited for."""
        try:
            self.endings.get_nowait()
        except Empty:
            return True
        return False


@contextmanager
def running(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[RunningServer]:
    """Run a server in a thread until the block ends; with `tls`, it speaks https."""
    server = RunningServer(script)
    ready, stop = threading.Event(), asyncio.Event()
    loop = server.loop = asyncio.new_event_loop()

    async def serve() -> None:
        listener = await loop.create_server(server.wire, "127.0.0.1", 0, ssl=tls)
        scheme = "https" if tls else "http"
        server.origin = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        ready.set()
        await stop.wait()
        listener.close()
        await server.end()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="test server")
    thread.start()
    try:
        if not ready.wait(PATIENCE_S):
            raise TimeoutError("the test server didn't start")
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_S)
