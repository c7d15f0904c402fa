"""TLS inside the TLS of an https proxy, which Python's sockets can't do."""

from __future__ import annotations

import ssl
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 2**14
"""Bytes that are read at a time: the most that one TLS record holds."""


class InnerTls:
    """A TLS connection over the TLS connection to a proxy, used as a socket is."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._ends: float | None = None

    def settimeout(self, seconds: float | None) -> None:
        """Say how long the next step may take; None: for ever."""
        self._ends = None if seconds is None else monotonic() + seconds

    def do_handshake(self) -> None:
        """Agree with the other side. Raises OSError (TimeoutError, ssl.SSLError)."""
        self._carried(self._tls.do_handshake)

    def recv(self, most: int) -> bytes:
        """Return the next bytes; none at the end. Raises OSError."""
        try:
            data: bytes = self._carried(self._tls.read, most)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):  # as sockets do: HTTP knows whether all is there
            return b""
        return data

    def send(self, data: memoryview) -> int:
        """Send bytes, and return how many. Raises OSError."""
        sent: int = self._carried(self._tls.write, data)
        return sent

    def _carried(self, act: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the act returns
        """Do something that may need bytes from the other side, and have some for it."""
        while True:
            try:
                done = act(*arguments)
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        unsent = memoryview(self._outgoing.read())
        while unsent:
            self._limit()
            unsent = unsent[self._outer.send(unsent) :]

    def _fill(self) -> None:
        self._limit()
        data = self._outer.recv(PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _limit(self) -> None:
        left = None if self._ends is None else self._ends - monotonic()
        if left is not None and left <= 0.0:
            raise TimeoutError("the time is over")
        self._outer.settimeout(left)
