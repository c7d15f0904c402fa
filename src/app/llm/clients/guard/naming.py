"""The name service, as the guard asks it: once for each connection."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Names(Protocol):
    """Whom the guard asks for a host's addresses. It may block: event loops ask it in a thread."""

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host. Raises OSError (socket.gaierror) if there are none."""
        ...


def system_names(host: str, port: int) -> Sequence[str]:
    """Return what the system's own name service says, each address once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host} can't be asked for") from error
    return list(dict.fromkeys(str(where[0]) for *_, where in found))
