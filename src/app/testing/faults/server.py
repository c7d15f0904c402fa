"""The fault server: each provider has an address of its own here, and a script says how it answers."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from app.testing.faults.asked import Asked, asked_of
from app.testing.faults.clock import FastClock
from app.testing.faults.playing import Moment
from app.testing.faults.table import FAULTS, OK
from app.testing.faults.voices import Answer
from app.testing.faults.wire import Wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from app.testing.servers import Seen

HOST: Final = "127.0.0.1"
SILENCE_S: Final = 600.0
"""How long a silent server is silent, in seconds of the clock, unless it is told otherwise."""
NOT_FOUND: Final = 404
Script = Callable[[Asked], str]
"""Which fault of the table a request is answered with. It runs in the server's loop, and must not wait."""


class Served(NamedTuple):
    """A request, and the fault that it was answered with."""

    asked: Asked
    fault: str


def fine(asked: Asked) -> str:
    """Answer every request as it asks."""
    del asked
    return OK


class FaultServer:
    """Providers on 127.0.0.1, each on a port of its own, in one thread; as a `with` statement.

    `served` are the requests for a model's answer in the order in which they came, `strays` all others, which
    get a 404. `refusing` is an address at which nobody listens. `script`, `clock` and `silence_s` may be
    changed between calls.
    """

    def __init__(
        self,
        providers: Iterable[str],
        script: Script = fine,
        *,
        clock: FastClock | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.script, self.clock, self.silence_s = script, clock or FastClock(), silence_s
        self.served: list[Served] = []
        self.strays: list[Seen] = []
        self._listeners = {name: socket.create_server((HOST, 0), backlog=128) for name in providers}
        self._deaf = socket.socket()
        self._deaf.bind((HOST, 0))  # bound, so that nobody else listens there, either
        self.origins = {name: _origin(listener) for name, listener in self._listeners.items()}
        self.refusing = _origin(self._deaf)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fault server")
        self._wires: set[Wire] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._deaf.close()

    @property
    def counts(self) -> Counter[str]:
        """How many requests each provider got."""
        return Counter(one.asked.provider for one in self.served)

    def begin(self, script: Script, *, clock: FastClock, silence_s: float) -> None:
        """Forget what was served, and go on with another script, at a clock of its own."""
        self.script, self.clock, self.silence_s = script, clock, silence_s
        self.served, self.strays = [], []

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        opened = [
            await self._loop.create_server(partial(self._wire, name), sock=listener)
            for name, listener in self._listeners.items()
        ]
        await self._stop.wait()
        for one in opened:
            one.close()
        for wire in list(self._wires):
            wire.drop()
        await asyncio.sleep(0)  # asyncio closes a socket one turn after the connection is dropped

    def _wire(self, provider: str) -> Wire:
        wire = Wire(partial(self._answer, provider), lambda: self.clock, self._wires.discard)
        self._wires.add(wire)
        return wire

    def _answer(self, provider: str, seen: Seen) -> Answer:
        asked = asked_of(seen, provider, self.clock.now())
        if asked is None:
            self.strays.append(seen)
            return Answer((json.dumps({"error": {"message": "nothing is here"}}).encode(),), NOT_FOUND)
        fault = FAULTS[self.script(asked)]
        self.served.append(Served(asked, fault.name))
        return fault.answer(asked, Moment(self.clock.unix(), self.silence_s))


def _origin(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
