"""What the door must not let out, asked for over both lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import TransportRefused

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport

LOOT = "sk-loot"


async def refused(transport: Transport, match: str, *request: Any, **parts: Any) -> None:
    """Hold that both lines refuse a request, and say nothing of what it carried."""
    with pytest.raises(TransportRefused, match=match) as sync:
        transport.client().request(*request, **parts)
    with pytest.raises(TransportRefused, match=match) as awaited:
        await transport.async_client().request(*request, **parts)
    assert LOOT not in f"{sync.value} {awaited.value}"
