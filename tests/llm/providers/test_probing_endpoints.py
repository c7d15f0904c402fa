"""Trying out the key of a user's own endpoint: behind the guard, and with that key only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.containers import Container, running
from app.errors import UserEndpointRefused, UserKeyRejected
from app.llm import InMemoryKeyHealth, RequestScope, UserEndpoint
from app.settings import Settings
from tests.llm.byok.health.observing import Observer
from tests.llm.byok.health.providers import USERS_KEY, container_at, opening, refusing
from tests.servers.fixtures import server
from tests.servers.running import running as another_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm import KeyReport, LLMService
    from tests.servers.running import RunningServer

__all__ = ["server"]


def from_a_thread(llm_service: LLMService, endpoint: UserEndpoint, user: str | None = None) -> KeyReport:
    return llm_service.probe_endpoint(endpoint, user_id=user)


def in_a_loop(llm_service: LLMService, endpoint: UserEndpoint, user: str | None = None) -> KeyReport:
    return asyncio.run(llm_service.aprobe_endpoint(endpoint, user_id=user))


both_ways = pytest.mark.parametrize("probe", [from_a_thread, in_a_loop])


def at(server: RunningServer, path: str = "/v1", key: str = USERS_KEY) -> UserEndpoint:
    return UserEndpoint(server.origin + path, "adas-model", key)


@both_ways
def test_R5_a_users_endpoint_is_asked_for_its_models_with_the_users_own_key(
    probe: Callable[..., KeyReport], server: RunningServer
) -> None:
    server.script = opening
    with container_at(server) as container:
        report = probe(container.llm_service(), at(server), "ada")

        assert (report.provider, report.state) == ("user_endpoint", "valid")
        assert container.key_health().of("ada", "user_endpoint").state == "valid"
    (received,) = server.received
    assert (received.method, received.target) == ("GET", "/v1/models")
    assert received.header("authorization") == f"Bearer {USERS_KEY}"


@both_ways
def test_an_endpoint_that_refuses_its_key_is_told_like_a_provider(
    probe: Callable[..., KeyReport], server: RunningServer
) -> None:
    server.script = refusing(401)
    with container_at(server) as container:
        assert probe(container.llm_service(), at(server), "ada").state == "invalid"
        assert container.key_health().of("ada", "user_endpoint").state == "invalid"


@both_ways
def test_R5_an_endpoint_that_the_guard_refuses_is_not_asked(
    probe: Callable[..., KeyReport], server: RunningServer
) -> None:
    with running(Container(settings=Settings())) as container:
        service = container.llm_service()
        for endpoint in (at(server), UserEndpoint("https://169.254.169.254/v1", "m", "sk-ada")):
            with pytest.raises(UserEndpointRefused):
                probe(service, endpoint)

    assert server.received == []


def test_the_same_key_at_another_endpoint_is_another_key(server: RunningServer) -> None:
    observer = Observer()
    server.script = refusing(401)
    with (
        another_server(refusing(401)) as other,
        container_at(server, key_health=InMemoryKeyHealth(observer)) as container,
    ):
        for one in (server, server, other):
            container.llm_service().probe_endpoint(at(one), user_id="ada")

    assert observer.told.qsize() == 2, "each of them was told once"


def test_R9_calls_at_a_users_endpoint_tell_its_keys_health(server: RunningServer) -> None:
    with container_at(server) as container:
        model = container.llm_service().get_llm("acme", scope=RequestScope("ada", endpoint=at(server)))
        model.invoke("hello")
        assert container.key_health().of("ada", "user_endpoint").state == "valid"

        server.script = refusing(401)
        with pytest.raises(UserKeyRejected):
            model.invoke("hello")
        assert container.key_health().of("ada", "user_endpoint").state == "invalid"
