"""The door's rules, one by one, at the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import TransportRefused
from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER
from app.llm.clients.spec import Grant, origin_of
from tests.llm.providers.adapters import SECRET, caller, credential, raises_our_own
from tests.servers.models import TEXT, any_model
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.clients.spec import AuthScheme
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

CREDENTIAL_HEADERS = (
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "cookie",
    "proxy-authorization",
)
ON_THE_WIRE = {
    "bearer": {"authorization": f"Bearer {SECRET}"},
    "x-api-key": {"x-api-key": SECRET},
    "x-goog-api-key": {"x-goog-api-key": SECRET},
}


def credentials_in(received: Received) -> dict[str, str]:
    return {name: value for name, value in received.headers if name in CREDENTIAL_HEADERS}


def grant_for(origin: str, auth: AuthScheme = "bearer", secret: str = SECRET) -> Grant:
    return Grant(credential(secret), origin_of(origin), auth)


async def test_the_key_arrives_in_the_protocols_own_header_and_in_no_other(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    assert model.ask().text == TEXT
    assert (await model.aask()).text == TEXT
    for received in server.received:
        assert credentials_in(received) == ON_THE_WIRE[adapter.auth]


async def test_neither_the_ticket_nor_the_marker_leaves_the_process(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    model.ask()
    await model.aask()
    for received in server.received:
        seen = f"{received.target} {received.headers} {received.body!r}"
        assert TICKET_HEADER not in seen
        assert KEY_IS_ATTACHED_BY_THE_TRANSPORT not in seen


async def test_a_provider_without_a_key_gets_none(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    model.ask(secret=None)
    await model.aask(secret=None)
    assert [credentials_in(received) for received in server.received] == [{}, {}]


async def test_without_a_ticket_no_sdk_gets_out(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport).model
    with raises_our_own(TransportRefused, match="without a ticket"):
        model.invoke("hi")
    with raises_our_own(TransportRefused, match="without a ticket"):
        await model.ainvoke("hi")
    assert server.connections == 0


def test_a_ticket_ends_with_its_block(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    with model.arguments() as arguments:
        model.model.invoke("hi", **arguments)
    with raises_our_own(TransportRefused, match="without a ticket"):
        model.model.invoke("hi", **arguments)
    assert len(server.received) == 1


async def test_a_key_goes_to_its_own_origin_only(transport: Transport, adapter: ProtocolAdapter) -> None:
    with running(any_model) as own, running(any_model) as other:
        model = caller(adapter, other.origin, transport)
        with transport.ticket(grant_for(own.origin, adapter.auth)) as ticket:
            arguments = adapter.request_arguments(ticket)
            with raises_our_own(TransportRefused, match=r"its ticket is for http://127\.0\.0\.1"):
                model.model.invoke("hi", **arguments)
            with raises_our_own(TransportRefused, match=r"its ticket is for http://127\.0\.0\.1"):
                await model.model.ainvoke("hi", **arguments)
        assert own.connections == other.connections == 0


@pytest.mark.parametrize("name", ["Authorization", "X-Api-Key", "X-Goog-Api-Key", "api-key", "Cookie"])
async def test_a_credential_that_the_transport_didnt_attach_stays_here(
    server: RunningServer, transport: Transport, name: str
) -> None:
    with transport.ticket(grant_for(server.origin)) as ticket:
        headers = {TICKET_HEADER: ticket, name: "sk-somebody-elses"}
        with pytest.raises(TransportRefused, match=name.lower()) as refusal:
            transport.client().post(server.origin, headers=headers)
        with pytest.raises(TransportRefused, match=name.lower()):
            await transport.async_client().post(server.origin, headers=headers)
    assert "somebody" not in str(refusal.value)
    assert server.connections == 0


@pytest.mark.parametrize("place", ["/v1?key=sk-1", "/v1?api_key=sk-1", "/v1?alt=sse&Access_Token=sk-1"])
def test_a_key_in_the_query_stays_here(server: RunningServer, transport: Transport, place: str) -> None:
    refused = pytest.raises(TransportRefused, match="query parameter")
    with transport.ticket(grant_for(server.origin)) as ticket, refused as refusal:
        transport.client().post(server.origin + place, headers={TICKET_HEADER: ticket})
    assert "sk-1" not in str(refusal.value)
    assert server.connections == 0


def test_a_name_and_password_in_the_address_stay_here(server: RunningServer, transport: Transport) -> None:
    address = server.origin.replace("://", "://me:sk-1@")
    refused = pytest.raises(TransportRefused, match="user name or password")
    with transport.ticket(grant_for(server.origin)) as ticket, refused as refusal:
        transport.client().post(address, headers={TICKET_HEADER: ticket})
    assert "sk-1" not in str(refusal.value)
    assert server.connections == 0


async def test_the_host_header_names_the_origin_whatever_was_asked_for(
    server: RunningServer, transport: Transport
) -> None:
    with transport.ticket(grant_for(server.origin)) as ticket:
        headers = {TICKET_HEADER: ticket, "Host": "evil.example"}
        transport.client().post(server.origin, headers=headers)
        await transport.async_client().post(server.origin, headers=headers)
    assert [received.header("host") for received in server.received] == [server.origin[7:]] * 2


async def test_a_redirect_isnt_followed(transport: Transport, adapter: ProtocolAdapter) -> None:
    with running(any_model) as elsewhere:

        def away(received: Received) -> Answer:
            return Answer(status=307, headers={"location": elsewhere.origin + received.target})

        with running(away) as server:
            model = caller(adapter, server.origin, transport)
            with pytest.raises(Exception, match="307"):
                model.ask()
            with pytest.raises(Exception, match="307"):
                await model.aask()
            assert len(server.received) == 2
        assert elsewhere.connections == 0


async def test_what_one_keys_cookie_says_is_never_told_with_another_key(
    transport: Transport, adapter: ProtocolAdapter
) -> None:
    def with_cookie(received: Received) -> Answer:
        plain = any_model(received)
        return Answer(plain.body, headers={"set-cookie": "tenant=a; Path=/"})

    with running(with_cookie) as server:
        model = caller(adapter, server.origin, transport)
        for secret in ("sk-tenant-a", "sk-tenant-b"):
            model.ask(secret)
            await model.aask(secret)
        assert [received.header("cookie") for received in server.received] == [None] * 4


def test_nothing_shows_a_key_or_a_ticket(server: RunningServer, transport: Transport) -> None:
    granted = grant_for(server.origin)
    with transport.ticket(granted) as ticket:
        shown = repr((transport, vars(transport), granted, transport.client(), transport.async_client()))
    assert SECRET not in shown
    assert ticket not in shown
