"""What a forked child must not share with its parent.

A child of `os.fork` inherits locks that threads of its parent hold, and none of those threads, so nobody ever
lets go of them. It inherits connections too, on which two processes would mix up the answers of their users.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from socket import socket

    import httpcore2


class Renewed(Protocol):
    """A part that makes itself anew in a forked child."""

    def renew(self) -> None:
        """Leave to the parent what is the parent's. It runs before anything else does in the child."""
        ...


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


# The interpreter keeps what is registered with it for ever: so it is one handler, which keeps nothing alive.
_RENEWED: WeakSet[Renewed] = WeakSet()


def renew_in_children(part: Renewed) -> None:
    """Have a part renewed in every child that this process forks, for as long as the part lives."""
    _RENEWED.add(part)


def _renew_all() -> None:
    for part in list(_RENEWED):
        part.renew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_all)
