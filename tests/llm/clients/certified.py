"""A server's TLS, which the machine trusts for the time of a test."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.servers.certificates import self_signed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    pem, context = tmp_path / "server.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem.write_bytes(self_signed("127.0.0.1", "provider.test"))
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return context
