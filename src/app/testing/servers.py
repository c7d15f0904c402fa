"""A server on this machine that remembers every request, and answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came. Names of headers are in lower case, in the order of the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for given, value in self.headers if given == name), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers. With `cut`, the connection is closed before the end that its length promises."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


Replying = Callable[[Seen], Reply]


class RecordingServer:
    """A server on a free port of 127.0.0.1. `received` are its requests; `reply` may be changed."""

    def __init__(self, reply: Replying) -> None:
        self.reply = reply
        self.received: list[Seen] = []
        self.origin = ""


@contextmanager
def recording(reply: Replying) -> Iterator[RecordingServer]:
    """Run a server in threads until the block ends."""
    server = RecordingServer(reply)

    class Handler(_Handler):
        recording = server

    with _Listener(("127.0.0.1", 0), Handler) as listener:
        server.origin = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.005}, name="recording"
        )
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    recording: RecordingServer

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        seen = Seen(self.command, self.path, headers, self.rfile.read(length))
        self.recording.received.append(seen)
        reply = self.recording.reply(seen)
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body) + reply.cut))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()
        self.close_connection = reply.cut

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - http.server looks up `do_GET`, `do_POST`, ...
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing."""
