"""What an adapter may try at the door: it fails loudly, and nothing leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER
from app.llm.clients.spec import Grant, origin_of
from tests.llm.clients.refusing import LOOT, refused
from tests.llm.providers.adapters import credential
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer

CREDENTIAL_HEADERS = (
    "Authorization",
    "aUTHORIZATION",
    "Proxy-Authorization",
    "X-Amz-Security-Token",
    "X-Forwarded-Authorization",
    "X-Goog-IAM-Authorization-Token",
    "X-Goog-Api-Key",
    "X-Api-Key",
    "X_Api_Key",
    "Api-Key",
    "ApiKey",
    "Ocp-Apim-Subscription-Key",
    "X-Functions-Key",
    "X-Auth",
    "X-Auth-Token",
    "Anthropic-Auth-Token",
    "X-Access-Token",
    "X-JWT-Assertion",
    "X-Client-Secret",
    "X-AuthToken",
    "Bearer",
    "X-Key",
    "X-Signature",
    "Cookie",
    "Cookie2",
)
CONNECTION_HEADERS = (
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
)
HARMLESS_HEADERS = (
    "OpenAI-Beta",
    "Anthropic-Beta",
    "Idempotency-Key",
    "X-Title",
    "HTTP-Referer",
    "X-Request-Id",
    "traceparent",
    "X-Goog-User-Project",
    "X-Max-Tokens",
)


@pytest.mark.parametrize("name", CREDENTIAL_HEADERS)
@pytest.mark.parametrize(
    "value", [LOOT, f"Bearer {LOOT}", f"Bearer {KEY_IS_ATTACHED_BY_THE_TRANSPORT}, {LOOT}"]
)
async def test_R5_a_header_that_can_carry_a_credential_stays_here(
    server: RunningServer, transport: Transport, ticket: str, name: str, value: str
) -> None:
    headers = {TICKET_HEADER: ticket, name: value}
    await refused(transport, "carries a credential", "POST", server.origin, headers=headers)
    assert server.connections == 0


async def test_R5_a_second_header_beside_the_marker_stays_here(
    server: RunningServer, transport: Transport, ticket: str
) -> None:
    marker = ("Authorization", f"Bearer {KEY_IS_ATTACHED_BY_THE_TRANSPORT}")
    headers = [(TICKET_HEADER, ticket), marker, ("authorization", f"Bearer {LOOT}")]
    await refused(transport, "carries a credential", "POST", server.origin, headers=headers)
    assert server.connections == 0


@pytest.mark.parametrize("name", CONNECTION_HEADERS)
async def test_R7_what_a_shared_connection_is_told_is_the_transports_alone(
    server: RunningServer, transport: Transport, ticket: str, name: str
) -> None:
    headers = {TICKET_HEADER: ticket, name: "Authorization"}
    await refused(transport, "about the connection", "POST", server.origin, headers=headers)
    assert server.connections == 0


@pytest.mark.parametrize(
    "name", ["Authorization ", "\tAuthorization", "Author ization", "Authorization:", "X\x00"]
)
async def test_a_name_that_no_header_has_stays_here(
    server: RunningServer, transport: Transport, ticket: str, name: str
) -> None:
    headers = {TICKET_HEADER: ticket, name: LOOT}
    await refused(transport, "can't be a header's name", "POST", server.origin, headers=headers)
    assert server.connections == 0


@pytest.mark.parametrize("name", HARMLESS_HEADERS)
async def test_a_header_that_carries_no_credential_leaves(
    server: RunningServer, transport: Transport, ticket: str, name: str
) -> None:
    headers = {TICKET_HEADER: ticket, name: "harmless"}
    transport.client().post(server.origin, headers=headers)
    await transport.async_client().post(server.origin, headers=headers)
    assert [one.header(name.lower()) for one in server.received] == ["harmless"] * 2


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\0", "\r\nAuthorization: "])
async def test_a_value_cant_begin_another_header(
    server: RunningServer, transport: Transport, ticket: str, line_break: str
) -> None:
    for name in ("X-Title", "User-Agent"):
        headers = {TICKET_HEADER: ticket, name: f"a{line_break}{LOOT}"}
        await refused(transport, "line break", "POST", server.origin, headers=headers)
    assert server.connections == 0


@pytest.mark.parametrize("text", ["{}, {}", "{}x", " ", ""])
async def test_a_ticket_that_isnt_exactly_one_is_none(
    server: RunningServer, transport: Transport, ticket: str, text: str
) -> None:
    headers = {TICKET_HEADER: text.format(ticket, ticket)}
    await refused(transport, "without a ticket", "POST", server.origin, headers=headers)
    doubled = [(TICKET_HEADER, ticket), (TICKET_HEADER.upper(), ticket)]
    await refused(transport, "without a ticket", "POST", server.origin, headers=doubled)
    assert server.connections == 0


async def test_a_requests_extensions_cant_turn_it_elsewhere(
    server: RunningServer, transport: Transport, ticket: str
) -> None:
    overheard: list[object] = []
    extensions = {
        "target": b"http://evil.example/",
        "sni_hostname": "evil.example",
        "trace": lambda name, info: overheard.append((name, info)),
    }
    parts: dict[str, Any] = {"headers": {TICKET_HEADER: ticket}, "extensions": extensions}
    transport.client().post(f"{server.origin}/v1", **parts)
    await transport.async_client().post(f"{server.origin}/v1", **parts)
    assert [one.target for one in server.received] == ["/v1", "/v1"]
    assert overheard == []


async def test_R7_a_body_cant_be_framed_as_two_requests(
    server: RunningServer, transport: Transport, ticket: str
) -> None:
    second = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    lengths = [("Content-Length", "0"), ("Content-Length", "1")]
    chunked = [("Transfer-Encoding", "chunked")]
    for framing in (chunked, lengths[:1], lengths, [*chunked, *lengths], [("Transfer-Encoding", "gzip")]):
        headers = [(TICKET_HEADER, ticket), *framing]
        transport.client().post(f"{server.origin}/v1", headers=headers, content=second)
        await transport.async_client().post(f"{server.origin}/v1", headers=headers, content=second)
    assert [(one.target, one.body) for one in server.received] == [("/v1", second)] * 10
    for one in server.received:
        framed = [header for header in one.headers if header[0] in {"content-length", "transfer-encoding"}]
        assert framed == [("content-length", str(len(second)))]


@pytest.mark.parametrize("value", ["\xe4".encode(), b"\xff", b"a\tb", b"\x7f", b"\x1b[0m"])
async def test_a_value_that_two_libraries_would_spell_differently_stays_here(
    server: RunningServer, transport: Transport, ticket: str, value: bytes
) -> None:
    headers = [(TICKET_HEADER.encode(), ticket.encode()), (b"X-Title", value)]
    await refused(transport, "beyond ASCII", "POST", server.origin, headers=headers)
    assert server.connections == 0


async def test_R7_a_cookie_of_an_answer_isnt_even_shown(transport: Transport) -> None:
    answer = Answer(b"{}", headers={"Set-Cookie": "tenant=a", "x-kept": "yes"})
    with running(lambda _: answer) as server:
        grant = Grant(credential(), origin_of(server.origin), "bearer")
        with transport.ticket(grant) as ticket:
            headers = {TICKET_HEADER: ticket}
            answers = [
                transport.client().post(server.origin, headers=headers),
                await transport.async_client().post(server.origin, headers=headers),
            ]
    for one in answers:
        assert "set-cookie" not in one.headers
        assert one.headers["x-kept"] == "yes"
        assert not one.cookies
        assert list(one.extensions) == ["http_version"]


async def test_R7_a_cookie_that_comes_with_a_redirect_isnt_sent_to_anyone(transport: Transport) -> None:
    with running(lambda _: Answer()) as elsewhere:
        away = Answer(status=302, headers={"Set-Cookie": "tenant=a", "Location": elsewhere.origin})
        with running(lambda _: away) as server:
            with transport.ticket(Grant(credential(), origin_of(server.origin), "bearer")) as ticket:
                parts: dict[str, Any] = {"headers": {TICKET_HEADER: ticket}, "follow_redirects": True}
                for _ in range(2):
                    assert transport.client().post(server.origin, **parts).status_code == 302
                    assert (await transport.async_client().post(server.origin, **parts)).status_code == 302
            assert [one.header("cookie") for one in server.received] == [None] * 4
        assert elsewhere.connections == 0
