"""What a user's own endpoint may answer: no redirect, nothing compressed, and not too much."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.errors import UserEndpointRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_HEAD = 65_536
"""Bytes of an answer's status line and headers."""
LONGEST_EXCHANGE_S = 600.0
"""Seconds for a request and its whole answer: an endpoint that trickles would hold its caller for ever."""
LONGEST_CONNECT_S = 10.0
"""Seconds for one address: a host may have several, and none of them need answer."""
WIRE_OVERHEAD = 2
"""How many times an answer's limit may come over the wire: short chunks have more frame than body."""

INFORMATIONAL, REDIRECTS, CLIENT_ERRORS = 200, 300, 400
"""Statuses below the first are no answers yet; from the second up to the third they lead elsewhere."""


def shortest(connect_s: float | None) -> float:
    """Return how long one address may be waited for, in seconds, where a request would wait so long."""
    return LONGEST_CONNECT_S if connect_s is None else min(connect_s, LONGEST_CONNECT_S)


def check_head(status: int, headers: Mapping[str, str], limit: int) -> None:
    """Raise UserEndpointRefused for an answer that isn't read at all. `limit` is in bytes."""
    if status < INFORMATIONAL:
        raise UserEndpointRefused("it wants to speak another protocol")
    if REDIRECTS <= status < CLIENT_ERRORS:
        raise UserEndpointRefused(f"it answered with a redirect (HTTP {status}), and those aren't followed")
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UserEndpointRefused("it answered with compressed content, which it wasn't asked for")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_long(limit)


def too_long(limit: int) -> UserEndpointRefused:
    """Return the error for an answer of more bytes than this."""
    return UserEndpointRefused(f"its answer is longer than {limit} bytes")


class Allowance:
    """How many bytes of an answer's body may still come."""

    __slots__ = ("_left", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit

    def spend(self, part: bytes) -> bytes:
        """Return a part of the body. Raises UserEndpointRefused when it is one too many."""
        self._left -= len(part)
        if self._left < 0:
            raise too_long(self._limit)
        return part


class Meter:
    """What has come over one connection since the last request: how much, in how long, and how much head."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit * WIRE_OVERHEAD + LONGEST_HEAD, clock
        self._head = b""
        self._received, self._head_ended, self._ends = 0, False, 0.0

    def sending(self) -> None:
        """Note that a request is being sent: the first bytes after an answer begin another exchange."""
        if self._received or not self._ends:
            self._head, self._received, self._head_ended = b"", 0, False
            self._ends = self._clock() + LONGEST_EXCHANGE_S

    def time_left(self, timeout: float | None) -> float:
        """Return how long the next bytes may be waited for, in seconds.

        Raises UserEndpointRefused when the exchange has taken too long.
        """
        left = self._ends - self._clock()
        if left <= 0:
            raise UserEndpointRefused(f"its answer took longer than {LONGEST_EXCHANGE_S:g} s")
        return left if timeout is None else min(left, timeout)

    def arrived(self, data: bytes) -> bytes:
        """Return what arrived. Raises UserEndpointRefused when it is too much."""
        self._received += len(data)
        if not self._head_ended:
            self._head += data
            head, end, _ = self._head.partition(b"\r\n\r\n")
            if len(head) > LONGEST_HEAD:
                raise UserEndpointRefused(f"the headers of its answer are longer than {LONGEST_HEAD} bytes")
            self._head, self._head_ended = b"" if end else self._head, bool(end)
        if self._received > self._limit:
            raise UserEndpointRefused("its answer has more frame than content")
        return data
