"""One address where every provider fails, in another way from one request to another."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from tests.servers.models import SSE, events_for
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from tests.servers.wire import Received

BROKEN = b'{"id": "1", "choices": [{"index": 0, "mess'


def refused(status: int, **headers: str) -> Answer:
    """Return an error as any provider may word it."""
    return Answer(json.dumps({"error": {"message": "not now"}}).encode(), status, headers)


def opening(received: Received) -> list[bytes]:
    """Return what a stream says before its first content, in a protocol that says something there."""
    events = events_for(received) or []
    return [one for one in events if b"message_start" in one or b"content_block_start" in one]


def failed(received: Received) -> Answer:
    """Fail: the same way for the same request, so that a retry fails, too."""
    streamed = b'"stream":true' in received.body.replace(b" ", b"") or "stream" in received.target
    faults = [
        refused(503),
        refused(429, **{"retry-after": "3600"}),
        refused(401),
        Answer(parts=opening(received), headers=SSE, cut=True) if streamed else Answer(BROKEN, missing=9),
        Answer(parts=[b"data: " + BROKEN + b"\n\n"], headers=SSE) if streamed else Answer(BROKEN),
        Answer(parts=opening(received), headers=SSE) if streamed else Answer(b""),
        Answer(b"<html>502 Bad Gateway</html>", 502, {"content-type": "text/html"}),
    ]
    return faults[zlib.crc32(received.target.encode() + received.body) % len(faults)]
