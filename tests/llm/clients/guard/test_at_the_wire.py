"""What a user's own endpoint can't do, shown with real servers: over threads and loops alike."""

from __future__ import annotations

import asyncio
import gzip
import socket
from typing import TYPE_CHECKING

import pytest

from app.errors import ModelCallFailed, UserEndpointRefused
from tests.llm.clients.guard.asking import EVERY_WAY, port_of, refused
from tests.llm.clients.guard.own_endpoints import (
    FEATURE,
    OWN_KEY,
    NameService,
    at,
    guard,
    service_with,
    tls_for,
)
from tests.servers.fixtures import server
from tests.servers.models import TEXT, any_model, openai_body
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from langchain_core.language_models import BaseChatModel

    from tests.servers.running import RunningServer

__all__ = ["server"]


@EVERY_WAY
def test_R5_a_name_is_asked_for_once_and_what_was_judged_is_connected_to(
    server: RunningServer, ask: Callable[[BaseChatModel], str]
) -> None:
    names = NameService().then("llm.example", ["127.0.0.1"], ["10.0.0.1"])
    with service_with(guard(names, loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(f"http://llm.example:{port_of(server)}"))
        assert ask(model) == TEXT
        assert names.asked == ["llm.example"]


async def test_R5_a_name_that_leads_elsewhere_the_second_time_is_refused_then(server: RunningServer) -> None:
    def turning() -> NameService:
        return NameService().then("llm.example", ["127.0.0.1"], ["169.254.169.254"])

    url = f"http://llm.example:{port_of(server)}"
    with service_with(guard(turning(), loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(url))
        model.invoke("hi")
        server.hang_up()
        server.next_ending()
        with pytest.raises(UserEndpointRefused, match="not on this machine"):
            model.invoke("hi")
    with service_with(guard(turning(), loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(url))
        await model.ainvoke("hi")
        server.hang_up()
        server.next_ending()
        with pytest.raises(UserEndpointRefused, match="not on this machine"):
            await model.ainvoke("hi")
    assert len(server.received) == 2


@EVERY_WAY
def test_a_connection_that_is_still_open_needs_no_second_question(
    server: RunningServer, ask: Callable[[BaseChatModel], str]
) -> None:
    names = NameService(llm_example=["127.0.0.1"])
    with service_with(guard(names, loopback=True)) as service, asyncio.Runner() as runner:
        model = service.get_llm(FEATURE, scope=at(f"http://llm.example:{port_of(server)}"))
        for _ in range(3):
            model.invoke("hi")
            runner.run(model.ainvoke("hi"))
        ask(model)
    assert len(names.asked) <= 3  # one for threads, one for each of two loops


@EVERY_WAY
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_R5_a_redirect_is_refused(status: int, ask: Callable[[BaseChatModel], str]) -> None:
    with running(any_model) as elsewhere:
        away = Answer(status=status, headers={"location": f"{elsewhere.origin}/v1/chat/completions"})
        assert "redirect" in refused(away, ask)
        assert elsewhere.connections == 0


@EVERY_WAY
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"])
def test_a_compressed_answer_is_refused(coding: str, ask: Callable[[BaseChatModel], str]) -> None:
    answer = Answer(gzip.compress(openai_body()), headers={"content-encoding": coding})
    assert "compressed" in refused(answer, ask)


@EVERY_WAY
def test_a_coding_that_comes_second_is_seen_too(ask: Callable[[BaseChatModel], str]) -> None:
    twice = {"content-encoding": "identity", "Content-Encoding": "gzip"}
    assert "compressed" in refused(Answer(gzip.compress(openai_body()), headers=twice), ask)


@EVERY_WAY
def test_another_protocol_is_refused(ask: Callable[[BaseChatModel], str]) -> None:
    answer = Answer(status=101, headers={"connection": "upgrade", "upgrade": "smtp"})
    with running(lambda _: answer) as endpoint, service_with(guard(loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(endpoint.origin))
        with pytest.raises((UserEndpointRefused, ModelCallFailed)):
            ask(model)


@EVERY_WAY
def test_proxies_of_the_environment_are_not_used(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, ask: Callable[[BaseChatModel], str]
) -> None:
    with running(any_model) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
            monkeypatch.setenv(name.lower(), proxy.origin)
        names = NameService(llm_example=["127.0.0.1"])
        with service_with(guard(names, loopback=True)) as service:
            assert ask(service.get_llm(FEATURE, scope=at(f"http://llm.example:{port_of(server)}"))) == TEXT
        assert proxy.connections == 0


@EVERY_WAY
@pytest.mark.parametrize(("certified", "accepted"), [("llm.example", True), ("127.0.0.1", False)])
def test_R5_the_certificate_has_to_be_the_names_not_the_addresss(
    certified: str,
    accepted: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[BaseChatModel], str],
) -> None:
    tls, trusted = tls_for(certified, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    names = NameService(llm_example=["127.0.0.1"])
    with running(any_model, tls) as endpoint:
        host = f"llm.example:{port_of(endpoint)}"
        with service_with(guard(names, host)) as service:
            model = service.get_llm(FEATURE, scope=at(f"https://{host}/v1"))
            if accepted:
                assert ask(model) == TEXT
            else:
                with pytest.raises(ModelCallFailed) as failed:
                    ask(model)
                assert failed.value.failure_class == "connection"
        assert len(endpoint.received) == accepted


@EVERY_WAY
def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, ask: Callable[[BaseChatModel], str]
) -> None:
    tls, _ = tls_for("llm.example", tmp_path)
    with running(any_model, tls) as endpoint:
        host = f"llm.example:{port_of(endpoint)}"
        with service_with(guard(NameService(llm_example=["127.0.0.1"]), host)) as service:
            with pytest.raises(ModelCallFailed) as failed:
                ask(service.get_llm(FEATURE, scope=at(f"https://{host}")))
            assert failed.value.failure_class == "connection"
        assert endpoint.received == []


@EVERY_WAY
def test_an_address_that_doesnt_answer_makes_room_for_the_next_one(
    server: RunningServer, ask: Callable[[BaseChatModel], str]
) -> None:
    names = NameService(llm_example=["::1", "127.0.0.1"])
    with service_with(guard(names, loopback=True)) as service:
        assert ask(service.get_llm(FEATURE, scope=at(f"http://llm.example:{port_of(server)}"))) == TEXT


@EVERY_WAY
def test_an_answer_that_is_cut_off_is_a_failed_connection(ask: Callable[[BaseChatModel], str]) -> None:
    cut = Answer(openai_body(), missing=10)
    with running(lambda _: cut) as endpoint, service_with(guard(loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(endpoint.origin))
        with pytest.raises(ModelCallFailed) as failed:
            ask(model)
        assert failed.value.failure_class in {"connection", "stream_broken"}
        assert OWN_KEY not in str(failed.value)


@EVERY_WAY
def test_an_endpoint_where_nobody_listens_is_a_failed_connection(ask: Callable[[BaseChatModel], str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with service_with(guard(loopback=True)) as service, pytest.raises(ModelCallFailed) as failed:
        ask(service.get_llm(FEATURE, scope=at(f"http://127.0.0.1:{port}")))
    assert failed.value.failure_class == "connection"
