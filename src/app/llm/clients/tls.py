"""The one TLS context that all connections of a transport share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


class SharedTls:
    """A TLS context that is built when the first https connection needs it: 20 to 40 ms of CPU."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context; it verifies, and honours SSL_CERT_FILE and SSL_CERT_DIR as httpx does."""
        if self._context is None:
            import httpx2

            with self._lock:
                if self._context is None:
                    self._context = httpx2.create_ssl_context()
        return self._context
