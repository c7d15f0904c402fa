"""The web that LangChain's suites download pictures, documents and sounds from: a proxy on loopback."""

from __future__ import annotations

import io
import ssl
import struct
import threading
import wave
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.servers.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTS = ("raw.githubusercontent.com", "upload.wikimedia.org", "www.w3.org")
PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
%%EOF
"""


def png() -> bytes:
    """Return a picture of one grey point."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\x00\x80")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def wav() -> bytes:
    """Return a hundredth of a second of silence."""
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setparams((1, 2, 8000, 80, "NONE", "not compressed"))
        sound.writeframes(bytes(160))
    return written.getvalue()


class Tunnel(BaseHTTPRequestHandler):
    """A proxy that answers inside the tunnel itself, in the name of the host that was asked for."""

    protocol_version = "HTTP/1.1"
    inside: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """Open the tunnel: what follows on this connection is read through TLS."""
        self.send_response(200)
        self.end_headers()
        self.connection = self.inside.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def do_GET(self) -> None:
        """Answer with a file of the kind that the path ends with."""
        files = {"png": ("image/png", png()), "pdf": ("application/pdf", PDF), "wav": ("audio/wav", wav())}
        kind, content = files[self.path.rpartition(".")[2]]
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def finish(self) -> None:
        """Close the tunnel, which the server doesn't know of."""
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing."""


@contextmanager
def downloads(folder: Path) -> Iterator[dict[str, str]]:
    """Run the proxy until the block ends; yield the environment that leads downloads to it."""
    certificate = folder / "certificate.pem"
    certificate.write_bytes(self_signed(*HOSTS))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Tunnelled", (Tunnel,), {"inside": context}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="downloads")
    thread.start()
    try:
        yield {
            "HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}",
            "SSL_CERT_FILE": str(certificate),
            "REQUESTS_CA_BUNDLE": str(certificate),
            "LANGCHAIN_TESTS_USER_AGENT": "pointsman's tests",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
