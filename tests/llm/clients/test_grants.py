"""Which key may be granted to which place: an endpoint that a user named takes its own key alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import TransportRefused
from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.spec import Credential, Grant, origin_of
from tests.llm.providers.adapters import credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer

LOOT = "sk-loot"
OWN = "https://home.example:443"
KEYS_OF_OTHERS: dict[str, Credential | None] = {
    "no key": None,
    "the platform's": Credential("acme", "platform", "ACME_API_KEY", lambda: LOOT),
    "the user's for a provider": Credential("acme", "user", "the user's request", lambda: LOOT),
    "the user's for another endpoint": Credential(
        "user_endpoint", "user", "x", lambda: LOOT, endpoint="https://a.example:443"
    ),
    "the platform's, bound to it": Credential("acme", "platform", "X", lambda: LOOT, endpoint=OWN),
}


@pytest.mark.parametrize("key", KEYS_OF_OTHERS.values(), ids=KEYS_OF_OTHERS)
def test_R6_no_key_but_its_own_can_be_granted_to_an_endpoint_that_a_user_named(
    key: Credential | None,
) -> None:
    with pytest.raises(TransportRefused, match="takes its own user's key alone") as refusal:
        Grant(key, OWN, "bearer", user_named=True)
    assert LOOT not in str(refusal.value)


def test_R5_the_key_of_a_users_endpoint_can_be_granted_nowhere_else() -> None:
    key = Credential("user_endpoint", "user", "the user's request", lambda: LOOT, endpoint=OWN)
    Grant(key, OWN, "bearer", user_named=True)
    for origin, named in (
        (OWN, False),
        ("https://api.acme.example:443", False),
        ("https://a.example:443", True),
    ):
        with pytest.raises(TransportRefused, match="was refused for"):
            Grant(key, origin, "bearer", user_named=named)


def forged(grant: Grant, **fields: object) -> Grant:
    for name, value in fields.items():
        object.__setattr__(grant, name, value)
    return grant


FORGERIES: dict[str, Callable[[str], Grant]] = {
    "named afterwards": lambda origin: forged(Grant(credential(), origin, "bearer"), user_named=True),
    "another key afterwards": lambda origin: forged(
        Grant(
            Credential("user_endpoint", "user", "x", lambda: LOOT, endpoint=origin),
            origin,
            "bearer",
            user_named=True,
        ),
        credential=credential(LOOT),
    ),
    "no longer named": lambda origin: forged(
        Grant(
            Credential("user_endpoint", "user", "x", lambda: LOOT, endpoint=origin),
            origin,
            "bearer",
            user_named=True,
        ),
        user_named=False,
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_R5_the_door_looks_again_at_what_a_grant_joins(
    server: RunningServer, transport: Transport, forge: Callable[[str], Grant]
) -> None:
    with transport.ticket(forge(origin_of(server.origin))) as ticket:
        with pytest.raises(TransportRefused, match="was refused for") as sync:
            transport.client().post(server.origin, headers={TICKET_HEADER: ticket})
        with pytest.raises(TransportRefused, match="was refused for") as awaited:
            await transport.async_client().post(server.origin, headers={TICKET_HEADER: ticket})
    assert LOOT not in f"{sync.value} {awaited.value}"
    assert server.connections == 0
