"""A user's own endpoint: called with that user's own key, and with nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import UserEndpointRefused
from tests.llm.clients.guard.own_endpoints import FEATURE, OWN_KEY, NameService, at, guard, service_with
from tests.servers.fixtures import server
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from tests.servers.running import RunningServer

__all__ = ["server"]


def port_of(server: RunningServer) -> int:
    return int(server.origin.rpartition(":")[2])


async def test_R6_an_own_endpoint_is_called_with_its_users_key_in_every_manner(server: RunningServer) -> None:
    with service_with(guard(loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at(f"{server.origin}/v1"))
        assert model.payer == "user"
        assert model.invoke("hi").text == (await model.ainvoke("hi")).text == TEXT
        assert "".join(part.text for part in model.stream("hi")) == TEXT
        assert "".join([part.text async for part in model.astream("hi")]) == TEXT
    assert [one.header("authorization") for one in server.received] == [f"Bearer {OWN_KEY}"] * 4
    assert [one.header("accept-encoding") for one in server.received] == ["identity"] * 4
    assert {one.json["model"] for one in server.received} == {"home-made"}
    assert {one.target for one in server.received} == {"/v1/chat/completions"}


async def test_two_users_share_the_connections_and_not_the_keys(server: RunningServer) -> None:
    with service_with(guard(loopback=True)) as service:
        for key in ("sk-ada", "sk-eve", "sk-ada"):
            model = service.get_llm(FEATURE, scope=at(server.origin, key))
            model.invoke("hi")
            await model.ainvoke("hi")
    seen = [one.header("authorization") for one in server.received]
    assert seen == [f"Bearer {key}" for key in ("sk-ada", "sk-ada", "sk-eve", "sk-eve", "sk-ada", "sk-ada")]
    assert server.connections == 2


def test_plain_http_is_refused_when_a_model_is_asked_for(server: RunningServer) -> None:
    with (
        service_with(guard()) as service,
        pytest.raises(UserEndpointRefused, match="isn't https"),
    ):
        service.get_llm(FEATURE, scope=at(server.origin))
    assert server.connections == 0


async def test_plain_http_never_leaves_the_machine() -> None:
    names = NameService(llm_example=["93.184.216.34"])
    with service_with(guard(names, loopback=True)) as service:
        model = service.get_llm(FEATURE, scope=at("http://llm.example"))
        with pytest.raises(UserEndpointRefused, match="not on this machine"):
            model.invoke("hi")
        with pytest.raises(UserEndpointRefused, match="not on this machine"):
            await model.ainvoke("hi")


async def test_an_opened_origin_may_be_private_and_nothing_else_on_its_host(server: RunningServer) -> None:
    names = NameService(llm_corp=["127.0.0.1"])
    port = port_of(server)
    with service_with(guard(names, f"http://llm.corp:{port}")) as service:
        model = service.get_llm(FEATURE, scope=at(f"http://llm.corp:{port}"))
        assert model.invoke("hi").text == (await model.ainvoke("hi")).text == TEXT
        for other in ("http://llm.corp:1", "http://llm.corp"):
            with pytest.raises(UserEndpointRefused, match="isn't https"):
                service.get_llm(FEATURE, scope=at(other))
        model = service.get_llm(FEATURE, scope=at(f"https://llm.corp:{port}"))
        with pytest.raises(UserEndpointRefused, match="loopback"):
            model.invoke("hi")
        with pytest.raises(UserEndpointRefused, match="loopback"):
            await model.ainvoke("hi")
    assert len(server.received) == 2
