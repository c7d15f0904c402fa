"""What the tests of the adapters share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.llm.providers.adapters import adapters
from tests.servers.fixtures import server, transport

if TYPE_CHECKING:
    from app.llm.providers.protocol import ProtocolAdapter

__all__ = ["adapter", "server", "transport"]


@pytest.fixture(params=adapters(), ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> ProtocolAdapter:
    given: ProtocolAdapter = request.param
    return given
