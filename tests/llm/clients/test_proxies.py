"""The operator's proxies, as the environment names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import SettingsError
from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.proxies import Proxies
from app.llm.clients.spec import Grant, origin_of
from tests.llm.providers.adapters import SECRET, credential

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer

PROVIDER = "http://provider.test"


def test_an_origin_goes_through_the_proxy_of_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    proxies = Proxies()
    assert proxies.of("https://api.openai.com:443") == "http://proxy.test:3128"
    assert proxies.of("http://api.openai.com:80") is None


def test_all_proxy_serves_every_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.test:3128")
    assert Proxies().of("https://api.openai.com:443") == "http://proxy.test:3128"


def test_no_proxy_names_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "openai.com")
    assert Proxies().of("https://api.openai.com:443") is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "[::1]:8080", "::1:8080", "localhost:8080", "model.localhost:80"]
)
def test_a_loopback_address_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    assert Proxies().of(f"http://{host}") is None


def test_a_proxy_of_another_kind_is_an_error_that_names_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:secret@proxy.test:1080")
    with pytest.raises(SettingsError, match="'socks5'") as error:
        Proxies().of("https://api.openai.com:443")
    assert "secret" not in str(error.value)


async def test_requests_go_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch, server: RunningServer, transport: Transport
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.origin)
    with transport.ticket(Grant(credential(), origin_of(PROVIDER), "bearer")) as ticket:
        headers = {TICKET_HEADER: ticket}
        transport.client().post(f"{PROVIDER}/v1", headers=headers)
        await transport.async_client().post(f"{PROVIDER}/v1", headers=headers)
    assert [received.target for received in server.received] == [f"{PROVIDER}/v1"] * 2
    assert [received.header("host") for received in server.received] == ["provider.test"] * 2
    assert [received.header("authorization") for received in server.received] == [f"Bearer {SECRET}"] * 2
