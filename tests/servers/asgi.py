"""A real ASGI server in a thread of its own, for one test."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

PATIENCE_S = 20.0


class Announcing(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1 until the block ends, and yield `127.0.0.1:port`."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = uvicorn.Config(app, lifespan="on", log_level="warning", ws="websockets-sansio")
    server = Announcing(config)
    thread = threading.Thread(target=server.run, args=[[listener]], name="ASGI server")
    thread.start()
    try:
        if not server.ready.wait(PATIENCE_S):
            raise TimeoutError("the ASGI server didn't start")
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()
