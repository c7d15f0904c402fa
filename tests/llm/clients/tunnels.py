"""Proxies that make a tunnel to one server, whatever host is asked for."""

from __future__ import annotations

import select
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.llm.clients.peers import SMALL, peer
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tests.llm.clients.peers import Manner, Peer


def leads_to(authority: str, tls: ssl.SSLContext | None) -> Manner:
    """Take a wish for a tunnel, over TLS if there is a context, and join both ends."""
    host, _, port = authority.partition(":")

    def manner(one: socket.socket, who: Peer) -> None:
        near = one if tls is None else tls.wrap_socket(one, server_side=True)
        who.sockets.append(near)
        near.recv(SMALL)
        who.note_reached()
        with near, socket.create_connection((host, int(port)), PATIENCE_S) as far:
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(near, far)

    return manner


def join(near: socket.socket, far: socket.socket) -> None:
    """Hand on what comes from either side, until one of them has left."""
    ends = {near.fileno(): (near, far), far.fileno(): (far, near)}
    poll = select.poll()
    for number in ends:
        poll.register(number, select.POLLIN)
    while True:
        for number, _ in poll.poll(PATIENCE_S * 1000):
            source, target = ends[number]
            data = source.recv(2**14)  # a whole record of TLS: nothing of it stays where poll can't see it
            if not data:
                return
            target.sendall(data)


@contextmanager
def tunnel(authority: str, tls: ssl.SSLContext | None) -> Iterator[str]:
    """Run a proxy until the block ends, whose value is its URL."""
    with peer(leads_to(authority, tls)) as one:
        yield f"{'https' if tls else 'http'}://{one.authority}"
