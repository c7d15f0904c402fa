"""No key leaks from what is refused before it is asked: by a scope, by the door, by a probe (R6, R17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from app.containers import Container, running
from app.errors import PointsmanError, TransportRefused
from app.llm import InMemoryProfileRepository, RequestScope, UserEndpoint
from app.settings import Settings
from tests.leaks.scenes import HEADERS, echoing, tables
from tests.llm.services import HONOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.leaks.kit import LeakKit
    from tests.servers.running import RunningServer

pytest_plugins = ["app.testing.plugin"]

Parts = Any
"""A container: `Container()` returns a dynamic one, whose attributes no type checker knows."""


@pytest.fixture
def container(server: RunningServer, protocol: str) -> Iterator[Parts]:
    settings = Settings(user_endpoint_loopback=True, variables={})
    repository = InMemoryProfileRepository(tables(server.origin, protocol), HONOURS)
    with running(Container(settings=settings, profile_repository=repository)) as one:
        yield one


def spoilt(kit: LeakKit, how: str) -> SecretStr:
    """A key that can't be one: a canary, and something behind it."""
    key = kit.key("a spoilt key")
    return SecretStr(key.text + how)


@pytest.mark.parametrize("how", ["\nsk-2", "é", " sk-2", "x" * 5000])
def test_R6_a_key_that_cant_be_one(leak_kit: LeakKit, how: str) -> None:
    keys = {"acme": spoilt(leak_kit, how)}
    with leak_kit.failing("the scope", PointsmanError):
        RequestScope("ada", keys)
    with leak_kit.failing("the endpoint", PointsmanError):
        UserEndpoint("https://llm.example/v1", "own-model", keys["acme"])


@pytest.mark.parametrize("protocol", ["openai_compatible"])
async def test_R17_a_platforms_key_that_cant_be_one(
    leak_kit: LeakKit, server: RunningServer, protocol: str
) -> None:
    variables = {"ACME_API_KEY": spoilt(leak_kit, "\nsk-2")}
    repository = InMemoryProfileRepository(tables(server.origin, protocol), HONOURS)
    with running(Container(settings=Settings(variables=variables), profile_repository=repository)) as one:
        model = one.llm_service().get_llm("ask")
        with leak_kit.failing("invoke", TransportRefused):
            model.invoke("?")
        with leak_kit.failing("ainvoke", TransportRefused):
            await model.ainvoke("?")


@pytest.mark.parametrize("protocol", ["openai_compatible"])
async def test_R17_a_users_own_endpoint(leak_kit: LeakKit, server: RunningServer, container: Parts) -> None:
    own = leak_kit.key("the key of ada's endpoint", at={server.origin: "authorization"})
    leak_kit.watch(server)
    endpoint = UserEndpoint(f"{server.origin}/v1", "own-model", own.secret)
    scope = RequestScope("ada", endpoint=endpoint)
    model = container.llm_service().get_llm("ask", scope=scope)
    prompt = leak_kit.prompt()
    model.invoke(prompt.text)
    await model.ainvoke(prompt.text)
    server.script = echoing(401)
    with leak_kit.failing("invoke", PointsmanError):
        model.invoke(prompt.text)
    with leak_kit.failing("ainvoke", PointsmanError):
        await model.ainvoke(prompt.text)
    for name, thing in {"the endpoint": endpoint, "the scope": scope, "the model": model}.items():
        leak_kit.look_at(thing, name)
    leak_kit.look_at(container.llm_service().explain("ask", scope), "the explanation")


async def test_R17_a_probe_of_a_key(
    leak_kit: LeakKit, server: RunningServer, container: Parts, protocol: str
) -> None:
    key = leak_kit.key("ada's key", at={server.origin: HEADERS[protocol]})
    leak_kit.watch(server)
    server.script = echoing(401)
    service = container.llm_service()
    for report in (
        service.probe_key("acme", key.secret, user_id="ada"),
        await service.aprobe_key("acme", key.secret, user_id="ada"),
    ):
        assert report.state == "invalid"
        leak_kit.look_at(report, "the report")
    leak_kit.look_at(service.key_health, "key health")
    leak_kit.look_at(service.key_health.of("ada", "acme"), "a state of health")


def test_R17_a_scope_under_the_wrong_name(leak_kit: LeakKit, container: Parts) -> None:
    key = leak_kit.key("ada's key")
    scope = RequestScope("ada", {"acmee": key.secret})
    with leak_kit.failing("get_llm", PointsmanError):
        container.llm_service().get_llm("ask", scope=scope)
    leak_kit.look_at(container.llm_service().explain("ask", scope), "the explanation")
