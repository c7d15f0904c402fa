"""Over https, who answers has to show a certificate that this machine trusts, for the host that was asked."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.llm.providers.adapters import adapters, caller
from tests.servers.certificates import self_signed
from tests.servers.fixtures import transport
from tests.servers.models import TEXT, any_model
from tests.servers.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.llm.providers.adapters import Caller
    from tests.servers.running import RunningServer

__all__ = ["transport"]

ADAPTERS = pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)


@pytest.fixture
def pem(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    file = tmp_path / "server.pem"
    file.write_bytes(self_signed(getattr(request, "param", "127.0.0.1")))
    return file


@pytest.fixture
def secure_server(pem: Path) -> Iterator[RunningServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with running(any_model, context) as server:
        yield server


async def refused(model: Caller, server: RunningServer) -> None:
    with pytest.raises(Exception, match=r"(?i)connect|certificate"):
        model.ask()
    with pytest.raises(Exception, match=r"(?i)connect|certificate"):
        await model.aask()
    assert server.received == []


@ADAPTERS
async def test_a_trusted_certificate_is_accepted_from_threads_and_loops(
    adapter: ProtocolAdapter,
    secure_server: RunningServer,
    transport: Transport,
    pem: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    model = caller(adapter, secure_server.origin, transport)

    assert model.ask().text == (await model.aask()).text == TEXT


@ADAPTERS
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    adapter: ProtocolAdapter, secure_server: RunningServer, transport: Transport
) -> None:
    model = caller(adapter, secure_server.origin, transport)

    await refused(model, secure_server)


@ADAPTERS
@pytest.mark.parametrize("pem", ["another-host.example"], indirect=True)
async def test_a_trusted_certificate_of_another_host_is_refused(
    adapter: ProtocolAdapter,
    secure_server: RunningServer,
    transport: Transport,
    pem: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    model = caller(adapter, secure_server.origin, transport)

    await refused(model, secure_server)
