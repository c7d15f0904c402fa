"""What holds for every adapter alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.llm.providers.adapters import adapters, caller, caller_of, spec_for

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer

pytestmark = pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)


async def test_streams_say_their_usage(
    adapter: ProtocolAdapter, server: RunningServer, transport: Transport
) -> None:
    model = caller(adapter, server.origin, transport)
    for chunks in (list(model.stream()), [chunk async for chunk in model.astream()]):
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        assert whole.usage_metadata is not None
        assert whole.usage_metadata["total_tokens"] == 5


def test_the_specs_headers_are_sent(
    adapter: ProtocolAdapter, server: RunningServer, transport: Transport
) -> None:
    spec = replace(spec_for(adapter, server.origin), headers=(("X-Title", "Pointsman"),))
    caller_of(spec, adapter, transport).ask()
    assert server.received[0].header("x-title") == "Pointsman"
