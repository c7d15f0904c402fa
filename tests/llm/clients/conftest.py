"""What the tests of the transport share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.llm.clients.spec import Grant, origin_of
from tests.llm.providers.adapters import adapters, credential
from tests.servers.fixtures import server, transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer

__all__ = ["adapter", "server", "transport"]


@pytest.fixture(params=adapters(), ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> ProtocolAdapter:
    given: ProtocolAdapter = request.param
    return given


@pytest.fixture
def ticket(server: RunningServer, transport: Transport) -> Iterator[str]:
    with transport.ticket(Grant(credential(), origin_of(server.origin), "bearer")) as text:
        yield text
