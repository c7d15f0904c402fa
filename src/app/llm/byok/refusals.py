"""How a request whose keys can't be used is refused: an HTTP response, or the end of a WebSocket."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from app.errors import PointsmanError

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

CLOSING_CODES: Final = {400: 4400, 403: 4003, 503: 4503}
"""The code that a WebSocket is closed with where a request would be answered with this status."""
LONGEST_REASON: Final = 123
"""Bytes that a WebSocket's closing frame has for its reason."""


async def refuse(error: PointsmanError, scope: Message, receive: Receive, send: Send) -> None:
    """Tell the client what it may know of an error. A client that has left meanwhile is no error."""
    with suppress(OSError):
        if scope["type"] == "websocket":
            await _close(error, scope, receive, send)
        else:
            await _respond(error, send)


async def _respond(error: PointsmanError, send: Send) -> None:
    body = json.dumps({"error": error.to_dict()}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _close(error: PointsmanError, scope: Message, receive: Receive, send: Send) -> None:
    if (await receive())["type"] != "websocket.connect":
        return
    # A browser tells its page a closing code only if the WebSocket was accepted before, and it breaks off
    # if none of the subprotocols that it offered is chosen.
    offered = list(scope.get("subprotocols") or ())
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    reason = str(error.to_dict()["message"]).encode()[:LONGEST_REASON].decode(errors="ignore")
    await send({"type": "websocket.close", "code": CLOSING_CODES[error.http_status], "reason": reason})
