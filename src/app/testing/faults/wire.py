"""HTTP/1.1 on a socket, spoken by a server that may break off, fall silent or reset the connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from app.testing.faults.voices import Wait
from app.testing.servers import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.testing.faults.clock import FastClock
    from app.testing.faults.voices import Answer

END_OF_HEAD: Final = b"\r\n\r\n"
END_OF_CHUNKS: Final = b"0\r\n\r\n"
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing the socket resets the connection."""


class Wire(asyncio.Protocol):
    """One connection. `answer` says what each request is answered; it is asked in the server's loop.

    `clock` returns the clock in force; `ended` is told when the connection is lost.
    """

    def __init__(
        self,
        answer: Callable[[Seen], Answer],
        clock: Callable[[], FastClock],
        ended: Callable[[Wire], None],
    ) -> None:
        self._answer, self._clock, self._ended = answer, clock, ended
        self._buffer = b""
        self._under_way: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server has no other
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering: the client has gone."""
        del exc
        self._transport = None
        if self._under_way is not None:
            self._under_way.cancel()
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (seen := self._next_request()) is not None:
            answer = self._answer(seen)
            self._under_way = asyncio.get_running_loop().create_task(self._send(answer))

    def drop(self) -> None:
        """Close the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def _next_request(self) -> Seen | None:
        head, found, rest = self._buffer.partition(END_OF_HEAD)
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, target, _ = first.split(" ")
        return Seen(method, target, headers, rest[:length])

    async def _send(self, answer: Answer) -> None:
        if answer.ending == "reset":
            return self._reset()
        head = self._head(answer)
        for part in answer.parts:
            if isinstance(part, Wait):
                if answer.chunked:
                    self._write(head)
                    head = b""
                await self._clock().asleep(part.seconds)
                continue
            self._write(head + (b"%x\r\n%s\r\n" % (len(part), part) if answer.chunked else part))
            head = b""
        return self._end(answer, head)

    def _end(self, answer: Answer, head: bytes) -> None:
        """End the answer, with its head if nothing else has been said of it."""
        if answer.ending == "cut":
            self._write(head)
            if self._transport is not None:
                self._transport.close()
        else:
            self._write(head + END_OF_CHUNKS if answer.chunked else head)

    def _head(self, answer: Answer) -> bytes:
        length = sum(len(part) for part in answer.parts if isinstance(part, bytes))
        framing = {"content-length": str(length + (answer.ending == "cut"))}
        if answer.chunked:
            framing = {"transfer-encoding": "chunked"}
        date = {"date": formatdate(self._clock().unix(), usegmt=True)}
        headers = {"content-type": "application/json", **date, **answer.headers, **framing}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {answer.status} Status\r\n{lines}\r\n".encode("latin-1")

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _reset(self) -> None:
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()
