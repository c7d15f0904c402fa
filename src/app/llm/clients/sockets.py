"""The sockets of one line, which a process can let go without a word to anybody else who has them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from socket import socket

    import httpcore2

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing drops what wasn't sent yet, and tells the other side at once."""


class OpenSockets:
    """The sockets that one line has opened and that are still in use; it keeps none of them alive."""

    def __init__(self) -> None:
        self._sockets: WeakSet[socket] = WeakSet()

    def __len__(self) -> int:
        return sum(one.fileno() >= 0 for one in list(self._sockets))

    def note(self, opened: socket) -> socket:
        """Note a socket, and return it."""
        self._sockets.add(opened)
        return opened

    def close(self) -> None:
        """Close this process's own descriptors, without a word to the other side or to another process.

        A connection that another process has too lives on there.
        """
        for one in list(self._sockets):
            one.close()


def free_lock(pool: httpcore2.ConnectionPool) -> None:
    """Free an inherited pool's lock, which a thread of the parent may hold: closing a stream takes it."""
    pool._optional_thread_lock = type(pool._optional_thread_lock)()  # noqa: SLF001 - nothing public does it
