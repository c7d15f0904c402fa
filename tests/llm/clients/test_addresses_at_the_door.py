"""Where a request wants to go: to its grant's origin, with no key in its address, and nowhere else later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER
from tests.llm.clients.refusing import LOOT, refused
from tests.llm.providers.adapters import SECRET
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer

CREDENTIAL_PARAMETERS = (
    "key",
    "API_KEY",
    "x-goog-api-key",
    "access_token",
    "%6bey",
    "Authorization",
    "sig",
    "client_secret",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "subscription_key",
    "authToken",
)
HARMLESS_QUERIES = (
    "alt=sse",
    "beta=true",
    "alt=sse&beta=true",
    "pageToken=1",
    "page_token=1",
    "max_tokens=1",
)


@pytest.mark.parametrize("name", CREDENTIAL_PARAMETERS)
async def test_R5_a_query_that_carries_a_key_stays_here(
    server: RunningServer, transport: Transport, ticket: str, name: str
) -> None:
    url = f"{server.origin}/v1?alt=sse&{name}={LOOT}"
    await refused(transport, "query parameter", "POST", url, headers={TICKET_HEADER: ticket})
    assert server.connections == 0


@pytest.mark.parametrize("query", HARMLESS_QUERIES)
async def test_a_query_without_a_key_leaves(
    server: RunningServer, transport: Transport, ticket: str, query: str
) -> None:
    headers = {TICKET_HEADER: ticket}
    transport.client().post(f"{server.origin}/v1?{query}", headers=headers)
    await transport.async_client().post(f"{server.origin}/v1?{query}", headers=headers)
    assert [one.target for one in server.received] == [f"/v1?{query}"] * 2


@pytest.mark.parametrize("place", ["/v1/{}/chat", "/v1?alt={}"])
async def test_an_address_with_a_place_for_a_key_stays_here(
    server: RunningServer, transport: Transport, ticket: str, place: str
) -> None:
    url = server.origin + place.format(KEY_IS_ATTACHED_BY_THE_TRANSPORT)
    await refused(transport, "a place for a key", "POST", url, headers={TICKET_HEADER: ticket})
    assert server.connections == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "PRI", "post"])
async def test_a_method_that_no_model_is_asked_with_stays_here(
    server: RunningServer, transport: Transport, ticket: str, method: str
) -> None:
    if method == "post":
        transport.client().request(method, server.origin, headers={TICKET_HEADER: ticket})
        assert server.received[0].method == "POST"
        return
    await refused(transport, "no model is asked", method, server.origin, headers={TICKET_HEADER: ticket})
    assert server.connections == 0


class Turning(httpx2.Request):
    """A request that is about to leave to one server, and after so many looks to another one."""

    def __init__(self, ticket: str, *addresses: str, looks: int) -> None:
        self._looks, self._addresses = looks, addresses
        super().__init__("POST", addresses[0], headers={TICKET_HEADER: ticket})
        self._looks = looks

    @property
    def url(self) -> httpx2.URL:
        """Where it goes, for now."""
        self._looks -= 1
        return httpx2.URL(self._addresses[self._looks < 0])

    @url.setter
    def url(self, address: httpx2.URL) -> None:
        """Have an address of its own, whatever the base class wants."""


@pytest.mark.parametrize("looks", range(1, 6))
async def test_R5_a_request_leaves_to_the_address_that_was_judged(
    server: RunningServer, transport: Transport, ticket: str, looks: int
) -> None:
    with running(lambda _: Answer()) as elsewhere:
        transport.client().send(Turning(ticket, server.origin, elsewhere.origin, looks=looks))
        await transport.async_client().send(Turning(ticket, server.origin, elsewhere.origin, looks=looks))
        assert elsewhere.connections == 0
    assert [one.header("authorization") for one in server.received] == [f"Bearer {SECRET}"] * 2
