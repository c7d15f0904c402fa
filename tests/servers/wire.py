"""HTTP/1.1 on a raw asyncio protocol: small, fast, and it remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

END_OF_HEAD = b"\r\n\r\n"
END_OF_CHUNKS = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came over the wire. `headers` are the raw ones, in order, names lower-cased."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """Return a header's only value, or None; a header that came twice is an error."""
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise ValueError(f"{name} came {len(values)} times")
        return values[0] if values else None

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        value: dict[str, Any] = json.loads(self.body)
        return value


class Gate:
    """A point that an answer doesn't pass before a test opens it, from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opened = threading.Event()
        self._event: asyncio.Event | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Let the answer go on."""
        with self._lock:
            self._opened.set()
            if self._loop is not None and self._event is not None:
                self._loop.call_soon_threadsafe(self._event.set)

    async def passed(self) -> None:
        """Wait, in the server's loop, until the gate is open."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._event = asyncio.Event()
            if self._opened.is_set():
                return
        await self._event.wait()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says: a whole body, or `parts` one chunk each (a Gate holds the rest back).

    With `cut`, the connection is closed after the last part, without the end that HTTP prescribes. `missing`
    is how many bytes too many a body's length promises (None: there is no length); it is closed then, too.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[bytes | Gate] | None = None
    cut: bool = False
    delay_s: float = 0.0
    missing: int | None = 0


Script = Callable[[Received], Answer]
"""What a server answers to a request. It runs in the server's loop and must not wait."""


class Wire(asyncio.Protocol):
    """One connection of a server."""

    def __init__(self, script: Script, ended: Callable[[int, bool], None], number: int) -> None:
        self._script = script
        self._ended = ended
        self._number = number
        self._buffer = b""
        self._busy: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        interrupted = self._busy is not None and not self._busy.done()
        if self._busy is not None:
            self._busy.cancel()
        self._ended(self._number, interrupted)

    @property
    def connected(self) -> bool:
        """Whether it ever was a connection: one whose TLS handshake fails never is."""
        return self._transport is not None

    def drop(self) -> None:
        """Close the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (received := self._next_request()) is not None:
            answer = self._script(received)
            if answer.delay_s or answer.parts is not None:
                self._busy = asyncio.get_running_loop().create_task(self._send(answer))
            else:
                self._write_whole(answer)

    def _next_request(self) -> Received | None:
        head, found, rest = self._buffer.partition(END_OF_HEAD)
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple(
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, target, _ = first.split(" ")
        return Received(method, target, headers, rest[:length], self._number)

    def _write_whole(self, answer: Answer) -> None:
        self._write(whole(answer))
        if answer.missing != 0 and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    async def _send(self, answer: Answer) -> None:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        if answer.parts is None:
            return self._write_whole(answer)
        self._write(head(answer, "transfer-encoding: chunked"))
        held = b""
        for part in answer.parts:
            self._write(held)
            held = b""
            if isinstance(part, Gate):
                await part.passed()
            else:
                held = b"%x\r\n%s\r\n" % (len(part), part)
        self._write(held if answer.cut else held + END_OF_CHUNKS)
        if answer.cut and self._transport is not None:
            self._transport.close()
        return None


def whole(answer: Answer) -> bytes:
    """Return the bytes of an answer with a body."""
    if answer.missing is None:
        return head(answer, "x-length: unknown") + answer.body
    return head(answer, f"content-length: {len(answer.body) + answer.missing}") + answer.body


def head(answer: Answer, framing: str) -> bytes:
    """Return the bytes of an answer's head."""
    headers = {"content-type": "application/json", **answer.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} Status\r\n{lines}{framing}\r\n\r\n".encode("latin-1")
