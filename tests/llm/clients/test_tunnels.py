"""Through a proxy to an https endpoint: every step to there is connecting, and limits hold behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.llm.clients.asking import EVERY_WAY, SHORT_S, patience, ticket_at
from tests.llm.clients.certified import tls
from tests.llm.clients.peers import leaves_over_tls, never_answers, peer
from tests.llm.clients.tunnels import tunnel
from tests.servers.running import running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    import ssl

    from app.llm.clients.transport import Transport
    from tests.llm.clients.asking import Ask

__all__ = ["tls"]

PROVIDER = "https://provider.test"
OVER_BOTH = pytest.mark.parametrize("secure", [False, True], ids=["http proxy", "https proxy"])
LARGE = b"x" * 100_000


@EVERY_WAY
@OVER_BOTH
def test_an_endpoint_behind_a_proxy_is_reached(
    transport: Transport, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, ask: Ask, *, secure: bool
) -> None:
    with (
        running(lambda received: Answer(received.body), tls) as server,
        tunnel(server.origin.removeprefix("https://"), tls if secure else None) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        assert ask(transport, ticket_at(transport, PROVIDER, patience()), PROVIDER, LARGE) == LARGE
        assert server.received[0].header("host") == "provider.test"


@EVERY_WAY
def test_a_proxy_that_says_nothing_ends_with_the_time_to_connect(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    with peer(never_answers) as one:
        monkeypatch.setenv("HTTPS_PROXY", one.origin)
        with pytest.raises(httpx2.ConnectTimeout):
            ask(transport, ticket_at(transport, PROVIDER, patience(connect_s=SHORT_S)), PROVIDER, b"{}")
        assert one.was_left()


@EVERY_WAY
@OVER_BOTH
def test_an_endpoint_behind_a_proxy_that_says_nothing_ends_with_the_time_to_connect(
    transport: Transport, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, ask: Ask, *, secure: bool
) -> None:
    transport.blocking_line()
    with peer(never_answers) as one, tunnel(one.authority, tls if secure else None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(httpx2.ConnectTimeout):
            ask(transport, ticket_at(transport, PROVIDER, patience(connect_s=SHORT_S * 3)), PROVIDER, b"{}")
        assert one.was_left()


@EVERY_WAY
@OVER_BOTH
def test_an_answer_behind_a_proxy_ends_with_its_time(
    transport: Transport, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, ask: Ask, *, secure: bool
) -> None:
    with (
        running(lambda _: Answer(parts=[b"x", Gate()]), tls) as server,
        tunnel(server.origin.removeprefix("https://"), tls if secure else None) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(httpx2.ReadTimeout):
            ask(transport, ticket_at(transport, PROVIDER, patience(first_s=SHORT_S * 5)), PROVIDER, b"{}")
        assert server.next_interruption() == 1


@EVERY_WAY
@OVER_BOTH
def test_an_endpoint_that_leaves_in_the_middle_is_an_error(
    transport: Transport, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, ask: Ask, *, secure: bool
) -> None:
    with peer(leaves_over_tls(tls)) as one, tunnel(one.authority, tls if secure else None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(httpx2.RemoteProtocolError):
            ask(transport, ticket_at(transport, PROVIDER, patience()), PROVIDER, b"{}")
