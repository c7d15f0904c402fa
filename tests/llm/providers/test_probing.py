"""Trying keys out: one request that costs nothing, and what its answer says of the key."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from app.llm.byok.health.conditions import KeyCondition
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
from tests.servers.fixtures import server
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from tests.llm.providers.probes import Probe
    from tests.servers.running import RunningServer

__all__ = ["server"]

PAGES = {
    "acme": "/v1/models",
    "nova": "/v1beta/models?pageSize=1",
    "terra": "/v1/models?limit=1",
}


@both_ways
@pytest.mark.parametrize("provider", HEADERS)
def test_R5_a_probe_is_one_request_for_the_rows_page_with_the_key_in_its_one_header(
    provider: str, probe: Probe, server: RunningServer
) -> None:
    server.script = opening
    with container_at(server) as container:
        report = probe(container.llm_service(), provider)

    (received,) = server.received
    assert report.works
    assert (report.state, report.status, report.reason) == ("valid", None, "the provider accepted it")
    assert (received.method, received.target, received.body) == ("GET", PAGES[provider], b"")
    assert received.header(HEADERS[provider]) == SENT[provider]
    assert [name for name, value in received.headers if USERS_KEY in value] == [HEADERS[provider]]
    assert received.header("x-pointsman-ticket") is None
    assert received.header("anthropic-version") == ("2023-06-01" if provider == "terra" else None)


@both_ways
@pytest.mark.parametrize("provider", HEADERS)
@pytest.mark.parametrize(
    ("status", "state"),
    [(401, "invalid"), (403, "no_permission"), (402, "no_quota"), (429, "unknown"), (500, "unknown")],
)
def test_R12_a_refusal_is_told_by_its_status(
    status: int, state: str, provider: str, probe: Probe, server: RunningServer
) -> None:
    server.script = refusing(status)
    with container_at(server) as container:
        report = probe(container.llm_service(), provider)

    assert (report.state, report.status, report.works) == (state, status, False)
    assert len(server.received) == 1, "no retry"
    assert USERS_KEY not in json.dumps(report.to_dict()) + repr(report) + str(report)


@both_ways
@pytest.mark.parametrize(
    ("status", "error", "state", "code"),
    [
        (400, {"details": [{"reason": "API_KEY_INVALID"}]}, "invalid", "API_KEY_INVALID"),
        (403, {"details": [{"reason": "SERVICE_DISABLED"}]}, "no_permission", "SERVICE_DISABLED"),
        (429, {"code": "insufficient_quota"}, "no_quota", "insufficient_quota"),
        (401, {"code": USERS_KEY}, "invalid", None),
        (400, {"code": "something_else"}, "unknown", "something_else"),
    ],
    ids=lambda value: str(value) if isinstance(value, int | str) else "",
)
def test_R12_a_providers_code_knows_better_than_the_status(  # noqa: PLR0913, PLR0917 - a row of the table
    status: int, error: dict[str, Any], state: str, code: str | None, probe: Probe, server: RunningServer
) -> None:
    server.script = refusing(status, error)
    with container_at(server) as container:
        report = probe(container.llm_service(), "nova")

    assert (report.state, report.to_dict()["code"]) == (state, code)


@both_ways
@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>Welcome</html>", headers={"content-type": "text/html"}),
        Answer(b""),
        Answer(b"", status=302, headers={"location": "/elsewhere"}),
        Answer(b"<html>nothing here</html>", status=404),
        Answer(b"[" * 100_000, status=401 + 103),
        Answer(b'{"data": ', missing=100),
    ],
    ids=["a page of a web site", "nothing", "a redirect", "no such page", "nested too deep", "cut off"],
)
def test_an_answer_that_is_none_says_nothing_of_the_key(
    answer: Answer, probe: Probe, server: RunningServer
) -> None:
    server.script = lambda _: answer
    with container_at(server) as container:
        report = probe(container.llm_service(), "acme")

    assert (report.state, report.works) == ("unknown", False)
    assert len(server.received) == 1


@both_ways
def test_a_long_list_is_not_read_to_its_end(probe: Probe, server: RunningServer) -> None:
    never = Gate()
    parts: list[bytes | Gate] = [b'{"data": [', b" " * 70_000, never, b"]}"]
    server.script = lambda _: Answer(parts=parts)
    with container_at(server) as container:
        report = probe(container.llm_service(), "acme")

    assert report.works
    assert server.next_interruption() == 1
    never.open()


@both_ways
def test_a_provider_that_is_silent_is_given_up_and_unknown(probe: Probe, server: RunningServer) -> None:
    gate = Gate()
    server.script = lambda _: Answer(parts=[b"{", gate])
    with container_at(server) as container:
        report = probe(container.llm_service(), "acme", timeout_s=0.05)

    assert (report.state, report.reason) == ("unknown", "the provider can't tell: timeout")
    gate.open()


@both_ways
def test_a_provider_that_is_down_is_unknown_and_not_invalid(probe: Probe, server: RunningServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    nobody = tables(f"http://127.0.0.1:{port}")
    with container_at(server, {"providers": nobody["providers"]}) as container:
        report = probe(container.llm_service(), "acme", user_id="ada")

        assert (report.state, report.status) == ("unknown", None)
        assert report.to_dict()["failure_class"] == "connection"
        assert container.key_health().of("ada", "acme") == KeyCondition()


@both_ways
def test_key_health_learns_what_a_probe_says_of_a_users_key(probe: Probe, server: RunningServer) -> None:
    with container_at(server) as container:
        service, health = container.llm_service(), container.key_health()
        server.script = opening
        probe(service, "acme")
        assert len(health) == 0, "nobody's key"

        probe(service, "acme", user_id="ada")
        assert health.of("ada", "acme").state == "valid"

        server.script = refusing(401)
        probe(service, "acme", user_id="ada")
        assert health.of("ada", "acme").state == "invalid"
