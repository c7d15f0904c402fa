"""What calls on users' keys tell key health, over the wire: every adapter, every way of running."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import PointsmanError, UserKeyRejected
from app.llm.byok.health.conditions import KeyCondition
from app.llm.byok.health.memory import InMemoryKeyHealth
from tests.llm.byok.health.observing import Observer
from tests.llm.byok.health.providers import (
    HEADERS,
    USERS_KEY,
    container_at,
    opening,
    refusing,
    scope_of,
)
from tests.servers.fixtures import server
from tests.servers.models import SSE, any_model, events_for
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.byok.health.conditions import KeyFailure, KeyHealthChanged
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

__all__ = ["server"]


async def every_chunk(model: BaseChatModel) -> None:
    async for _ in model.astream("hello"):
        pass


WAYS: dict[str, Callable[[BaseChatModel], object]] = {
    "invoke": lambda model: model.invoke("hello"),
    "ainvoke": lambda model: asyncio.run(_awaited(model)),
    "stream": lambda model: list(model.stream("hello")),
    "astream": lambda model: asyncio.run(every_chunk(model)),
}


async def _awaited(model: BaseChatModel) -> object:
    return await model.ainvoke("hello")


class BrokenHealth(InMemoryKeyHealth):
    """Key health that can't remember anything."""

    def succeeded(self, user_id: str, provider: str, reveal: Callable[[], str]) -> None:
        raise LookupError(reveal())

    def failed(self, user_id: str, provider: str, reveal: Callable[[], str], failure: KeyFailure) -> None:
        raise LookupError(reveal())


@pytest.mark.parametrize("provider", HEADERS)
@pytest.mark.parametrize("way", WAYS)
def test_R9_a_refusal_makes_the_users_key_invalid_and_a_success_valid_again(
    way: str, provider: str, server: RunningServer
) -> None:
    with container_at(server) as container:
        model = container.llm_service().get_llm(provider, scope=scope_of())
        health = container.key_health()
        server.script = refusing(401)

        with pytest.raises(UserKeyRejected):
            WAYS[way](model)

        assert health.of("ada", provider).state == "invalid"
        assert health.of("ada", provider).failure.status == 401
        assert set(health.all_of("ada")) == {provider}
        assert USERS_KEY not in str(health.of("ada", provider).to_dict())

        server.script = any_model
        WAYS[way](model)

        assert health.of("ada", provider).state == "valid"


@pytest.mark.parametrize("provider", HEADERS)
@pytest.mark.parametrize(
    ("status", "state"), [(401, "invalid"), (402, "no_quota"), (403, "no_permission")], ids=str
)
def test_R9_each_status_that_refuses_a_key_has_its_state(
    status: int, state: str, provider: str, server: RunningServer
) -> None:
    server.script = refusing(status)
    with container_at(server) as container:
        with pytest.raises(UserKeyRejected):
            container.llm_service().get_llm(provider, scope=scope_of()).invoke("hello")

        assert container.llm_service().key_health.of("ada", provider).state == state


@pytest.mark.parametrize(
    ("provider", "status", "error", "state"),
    [
        ("acme", 429, {"code": "insufficient_quota", "type": "insufficient_quota"}, "no_quota"),
        ("nova", 400, {"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}, "invalid"),
    ],
)
def test_R9_a_providers_code_knows_better_than_its_status(
    provider: str, status: int, error: dict[str, Any], state: str, server: RunningServer
) -> None:
    server.script = refusing(status, error)
    with container_at(server) as container:
        with pytest.raises(UserKeyRejected):
            container.llm_service().get_llm(provider, scope=scope_of()).invoke("hello")

        assert container.key_health().of("ada", provider).state == state


@pytest.mark.parametrize("provider", HEADERS)
@pytest.mark.parametrize("status", [400, 404, 408, 429, 500, 503])
def test_what_is_not_about_the_key_changes_nothing(status: int, provider: str, server: RunningServer) -> None:
    with container_at(server) as container:
        model = container.llm_service().get_llm(provider, scope=scope_of())
        model.invoke("hello")
        before = container.key_health().of("ada", provider)
        server.script = refusing(status)

        with pytest.raises(PointsmanError):
            model.invoke("hello")

        assert before.state == "valid"
        assert container.key_health().of("ada", provider) == before


def test_R8_only_the_credential_that_served_counts_and_not_the_keys_that_were_sent(
    server: RunningServer,
) -> None:
    with container_at(server) as container:
        container.llm_service().get_llm("guard", scope=scope_of()).invoke("hello")
        container.llm_service().get_llm("acme").invoke("hello")
        server.script = refusing(401)
        with pytest.raises(PointsmanError):
            container.llm_service().get_llm("guard", scope=scope_of()).invoke("hello")

        assert container.key_health().all_of("ada") == {}


def test_a_user_without_an_id_is_not_remembered(server: RunningServer) -> None:
    with container_at(server) as container:
        container.llm_service().get_llm("acme", scope=scope_of(None)).invoke("hello")

        assert len(container.key_health()) == 0


def test_a_stream_that_breaks_says_nothing_of_the_key(server: RunningServer) -> None:
    def broken(received: Received) -> Answer:
        return Answer(parts=(events_for(received) or [])[:2], headers=SSE, cut=True)

    server.script = broken
    with container_at(server) as container:
        with pytest.raises(PointsmanError):
            list(container.llm_service().get_llm("acme", scope=scope_of()).stream("hello"))

        assert container.key_health().of("ada", "acme") == KeyCondition()


def test_a_stream_that_its_reader_leaves_says_nothing_of_the_key(server: RunningServer) -> None:
    with container_at(server) as container:
        stream = container.llm_service().get_llm("acme", scope=scope_of())._stream([], None)  # noqa: SLF001 - closable
        next(stream)
        stream.close()

        assert container.key_health().of("ada", "acme") == KeyCondition()


@pytest.mark.parametrize("way", WAYS)
def test_R16_key_health_that_breaks_is_logged_and_breaks_no_call(
    way: str, server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    with container_at(server, key_health=BrokenHealth()) as container:
        model = container.llm_service().get_llm("acme", scope=scope_of())
        with caplog.at_level(logging.WARNING, logger="pointsman"):
            WAYS[way](model)
            server.script = refusing(401)
            with pytest.raises(UserKeyRejected):
                WAYS[way](model)

    assert caplog.text.count("event=observer_failed observer=key_health error=LookupError") == 2
    assert USERS_KEY not in caplog.text


def test_R16_a_product_is_told_in_one_line_and_its_mistakes_break_no_call(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    observer = Observer()

    def tell(event: KeyHealthChanged) -> None:
        observer(event)
        raise RuntimeError("no mail server")

    server.script = refusing(401)
    with (
        caplog.at_level(logging.WARNING, logger="pointsman"),
        container_at(server, key_health=InMemoryKeyHealth(tell)) as container,
    ):
        for _ in range(3):
            with pytest.raises(UserKeyRejected):
                container.llm_service().get_llm("acme", scope=scope_of()).invoke("hello")
        event = observer.next()

    assert (event.user_id, event.provider, event.old, event.new) == ("ada", "acme", "unknown", "invalid")
    assert observer.told.empty(), "once, however many calls fail"
    assert "event=observer_failed error=RuntimeError" in caplog.text
    assert USERS_KEY not in repr(event)


def test_key_health_is_a_seam_that_is_seen_after_its_first_use(server: RunningServer) -> None:
    with container_at(server) as container:
        first = container.key_health()
        container.llm_service().get_llm("acme", scope=scope_of()).invoke("hello")
        second = InMemoryKeyHealth()
        container.key_health.override(second)

        container.llm_service().get_llm("acme", scope=scope_of("eve")).invoke("hello")

        assert second.of("eve", "acme").state == "valid"
        assert first.of("eve", "acme").state == "unknown"
        first.close()


def test_keys_of_two_users_do_not_mix(server: RunningServer) -> None:
    def script(received: Received) -> Answer:
        return (
            refusing(401)(received) if "eve" in str(received.header("authorization")) else opening(received)
        )

    server.script = script
    keys: Mapping[str, str] = {"ada": "sk-ada", "eve": "sk-eve"}
    with container_at(server) as container:
        for user, sent in keys.items():
            model = container.llm_service().get_llm("acme", scope=scope_of(user, acme=sent))
            if user == "eve":
                with pytest.raises(UserKeyRejected):
                    model.invoke("hello")
            else:
                model.invoke("hello")

        assert [container.key_health().of(user, "acme").state for user in keys] == ["valid", "invalid"]
