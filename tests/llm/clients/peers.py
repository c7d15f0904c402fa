"""Others who don't do as a server should, over real sockets; they note when they were left."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import TYPE_CHECKING

from tests.llm.clients.clocks import FastClock
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
PACE_MS = 5
SMALL = 4096
"""Bytes that the system takes in for a peer that doesn't read."""


class Peer:
    """One who listens on a port of 127.0.0.1."""

    def __init__(self, listener: socket.socket) -> None:
        self.authority = f"127.0.0.1:{listener.getsockname()[1]}"
        self.clock = FastClock()
        """It starts when somebody comes."""
        self.sockets: list[socket.socket] = []
        """What is open to others."""
        self._reached, self._left = threading.Semaphore(0), threading.Semaphore(0)

    @property
    def origin(self) -> str:
        """Where it is."""
        return f"http://{self.authority}"

    def was_reached(self) -> bool:
        """Wait until a request has begun to arrive."""
        return self._reached.acquire(timeout=PATIENCE_S)

    def was_left(self) -> bool:
        """Wait until a connection was closed by whoever opened it."""
        return self._left.acquire(timeout=PATIENCE_S)

    def note_reached(self) -> None:
        """Note that a request has begun to arrive."""
        self.clock.start()
        self._reached.release()

    def note_left(self) -> None:
        """Note that a connection was closed."""
        self._left.release()


Manner = Callable[[socket.socket, Peer], None]
"""What a peer does with a connection; it returns when it was left."""


def never_answers(one: socket.socket, peer: Peer) -> None:
    """Take all that comes, and say nothing."""
    if one.recv(SMALL):
        peer.note_reached()
        while one.recv(SMALL):
            pass


def never_reads(one: socket.socket, peer: Peer) -> None:
    """Take nothing."""
    peer.note_reached()
    poll = select.poll()
    poll.register(one, select.POLLRDHUP | select.POLLERR | select.POLLHUP)
    if not poll.poll(PATIENCE_S * 1000):
        raise TimeoutError("nobody left")


def take_request(one: socket.socket) -> None:
    """Read a whole request: its head and its body come one after another."""
    received = b""
    while True:
        head, found, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if found and len(body) >= int(length[1] if length else 0):
            return
        data = one.recv(SMALL)
        if not data:
            raise ConnectionResetError("it left before its request was there")
        received += data


def stalls_over_tls(context: ssl.SSLContext) -> Manner:
    """Begin to answer over TLS, and then take nothing any more, not even a farewell."""

    def manner(one: socket.socket, peer: Peer) -> None:
        secure = context.wrap_socket(one, server_side=True)
        peer.sockets.append(secure)
        with secure:
            take_request(secure)
            secure.sendall(HEAD + CHUNKED + chunk(b"data: word\n\n"))
            never_reads(secure, peer)

    return manner


def leaves_over_tls(context: ssl.SSLContext) -> Manner:
    """Begin to answer over TLS, and go without a word."""

    def manner(one: socket.socket, peer: Peer) -> None:
        secure = context.wrap_socket(one, server_side=True)
        peer.sockets.append(secure)
        with secure:
            take_request(secure)
            secure.sendall(HEAD + CHUNKED + chunk(b"data: word\n\n"))

    return manner


def says(pieces: Iterable[bytes]) -> Manner:
    """Take a request, and say these pieces, one after another; then nothing more."""

    def manner(one: socket.socket, peer: Peer) -> None:
        take_request(one)
        peer.note_reached()
        poll = select.poll()
        poll.register(one, select.POLLIN)
        for piece in pieces:
            one.sendall(piece)
            if poll.poll(PACE_MS):
                break
        while one.recv(SMALL):
            pass

    return manner


def trickles(head: bytes, piece: bytes) -> Manner:
    """Take a request, and answer piece by piece without end."""

    def manner(one: socket.socket, peer: Peer) -> None:
        says(_first_then(head, piece))(one, peer)

    return manner


def _first_then(head: bytes, piece: bytes) -> Iterator[bytes]:
    yield head
    yield from repeat(piece)


def chunk(data: bytes) -> bytes:
    """Return a piece of a body as HTTP frames it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def shut(one: socket.socket) -> None:
    """End a connection under whoever waits for it."""
    with suppress(OSError):
        socket.socket.shutdown(one, socket.SHUT_RDWR)  # also where it speaks TLS


@contextmanager
def peer(manner: Manner) -> Iterator[Peer]:
    """Have somebody on the other side until the block ends."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        one = Peer(listener)
        serving: list[threading.Thread] = []

        def serve(taken: socket.socket) -> None:
            with taken, suppress(OSError):  # it was left in the middle of a word
                manner(taken, one)
            one.note_left()

        def accept() -> None:
            with suppress(OSError):  # the block has ended
                while True:
                    taken = listener.accept()[0]
                    taken.settimeout(PATIENCE_S)
                    one.sockets.append(taken)
                    serving.append(threading.Thread(target=serve, args=(taken,)))
                    serving[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield one
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE_S)
            for opened in one.sockets:
                shut(opened)
            for thread in serving:
                thread.join(PATIENCE_S)


@contextmanager
def nobody_accepts() -> Iterator[Peer]:
    """Have a port that answers no wish for a connection: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0.0)
            with suppress(BlockingIOError):
                one.connect(listener.getsockname())
        try:
            yield Peer(listener)
        finally:
            for one in waiting:
                one.close()
