"""Trying keys out: where there is no page that tells, where nobody can be asked, and what is left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.errors import ConfigurationError, InvalidUserKey, ResourceClosed, UnknownProvider
from app.settings import Settings
from tests.llm.byok.health.providers import (
    HEADERS,
    SENT,
    USERS_KEY,
    container_at,
    opening,
    refusing,
    tables,
)
from tests.llm.providers.probes import both_ways
from tests.llm.services import shipped
from tests.servers.fixtures import server
from tests.servers.models import any_model, as_json
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from tests.llm.providers.probes import Probe
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

__all__ = ["server"]


def without_page(server: RunningServer, provider: str, **row: Any) -> dict[str, Any]:
    """Return the tables' providers, of which one has no page that tells."""
    rows = tables(server.origin)["providers"]
    bare = {name: value for name, value in rows[provider].items() if name != "probe"} | row
    return {"providers": rows | {provider: bare}}


@both_ways
@pytest.mark.parametrize("provider", HEADERS)
def test_a_provider_without_such_a_page_is_asked_for_one_token(
    provider: str, probe: Probe, server: RunningServer
) -> None:
    with container_at(server, without_page(server, provider)) as container:
        report = probe(container.llm_service(), provider)

    (received,) = server.received
    assert report.works
    assert report.asked == "one token of some-model"
    assert received.header(HEADERS[provider]) == SENT[provider]
    limits = received.json.get("generationConfig", received.json)
    assert 1 in {limits.get(name) for name in ("max_tokens", "maxOutputTokens", "max_completion_tokens")}


@both_ways
@pytest.mark.parametrize("provider", HEADERS)
def test_a_refused_token_is_told_like_a_refused_page(
    provider: str, probe: Probe, server: RunningServer
) -> None:
    server.script = refusing(401)
    with container_at(server, without_page(server, provider)) as container:
        report = probe(container.llm_service(), provider)

    assert (report.state, report.status, len(server.received)) == ("invalid", 401, 1)
    assert USERS_KEY not in str(report)


@both_ways
def test_a_provider_that_can_not_be_asked_is_an_error_that_says_why(
    probe: Probe, server: RunningServer
) -> None:
    more = {
        "open": {"protocol": "openai_compatible", "base_url": server.origin, "spare": True},
        "own": {"protocol": "openai_compatible", "own_endpoint": True, "key_env": "OWN_KEY", "spare": True},
        "mute": {
            "protocol": "openai_compatible",
            "base_url": server.origin,
            "key_env": "MUTE_KEY",
            "spare": True,
        },
    }
    rows = tables(server.origin)["providers"] | more
    with container_at(server, {"providers": rows}) as container:
        service = container.llm_service()
        for provider, says in [
            ("open", "'open' takes no key: there is nothing to try out"),
            ("own", "'own' can't be asked: OWN_BASE_URL is not set"),
            ("mute", "'mute' can't be asked: its row names no page"),
        ]:
            with pytest.raises(ConfigurationError, match=says):
                probe(service, provider)
        with pytest.raises(UnknownProvider, match="did you mean 'acme'"):
            probe(service, "acne")
        with pytest.raises(InvalidUserKey, match="is blank"):
            probe(service, "acme", key=" ")

    assert server.received == []


@both_ways
def test_a_closed_container_tries_nothing_out(probe: Probe, server: RunningServer) -> None:
    with container_at(server) as container:
        service = container.llm_service()

    with pytest.raises(ResourceClosed):
        probe(service, "acme")


def test_a_probe_goes_where_the_operator_sends_calls(server: RunningServer) -> None:
    server.script = opening
    settings = Settings(variables={"OPENAI_BASE_URL": f"{server.origin}/gateway/v1/"})
    with running(Container(settings=settings)) as container:
        assert container.llm_service().probe_key("openai", USERS_KEY).works

    assert server.received[0].target == "/gateway/v1/models"


def test_every_shipped_provider_that_takes_a_key_has_a_page_that_tells() -> None:
    providers = shipped().catalog.providers.values()

    assert [one.name for one in providers if not one.keyless and one.row.probe is None] == []


def test_a_key_of_another_provider_of_the_same_service_is_known_by_its_holder(server: RunningServer) -> None:
    server.script = opening
    rows = tables(server.origin)["providers"]
    twin = rows["acme"] | {"key_of": "acme", "spare": True}
    with container_at(server, {"providers": rows | {"twin": twin}}) as container:
        assert container.llm_service().probe_key("twin", USERS_KEY, user_id="ada").works
        assert set(container.key_health().all_of("ada")) == {"acme"}


async def test_a_probe_can_be_cancelled_and_leaves_its_connection(server: RunningServer) -> None:
    gate = Gate()
    server.script = lambda _: Answer(parts=[b"{", gate])
    with container_at(server) as container:
        probing = asyncio.create_task(container.llm_service().aprobe_key("acme", USERS_KEY))
        await asyncio.to_thread(server.next_arrival)
        probing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probing

        assert await asyncio.to_thread(server.next_interruption) == 1
    gate.open()


def test_a_servers_cookie_is_not_kept(server: RunningServer) -> None:
    def script(received: Received) -> Answer:
        return Answer(as_json({"data": []}), headers={"set-cookie": "who=ada"})

    server.script = script
    with container_at(server) as container:
        container.llm_service().probe_key("acme", USERS_KEY)
        server.script = any_model
        container.llm_service().get_llm("acme").invoke("hello")

    assert [one.header("cookie") for one in server.received] == [None, None]
