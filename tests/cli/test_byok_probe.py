"""`pointsman byok probe`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import pointsman
from tests.llm.byok.health.providers import USERS_KEY, opening, refusing
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from tests.servers.running import RunningServer

__all__ = ["server"]


@pytest.fixture(autouse=True)
def _openai_is_at_the_server(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.origin}/v1")
    server.script = opening


def test_a_key_that_works_is_said_and_ends_with_0(server: RunningServer) -> None:
    shown = pointsman("byok", "probe", "openai", stdin=f"{USERS_KEY}\n")

    assert shown.exit_code == 0
    assert shown.stdout == f"openai: valid: the provider accepted it (GET {server.origin}/v1/models)\n"
    assert server.received[0].header("authorization") == f"Bearer {USERS_KEY}"


def test_a_key_that_is_refused_ends_with_1_and_is_not_shown(server: RunningServer) -> None:
    server.script = refusing(401)

    shown = pointsman("byok", "probe", "openai", "--json", stdin=USERS_KEY)

    assert shown.exit_code == 1
    found = json.loads(shown.stdout)
    assert (found["state"], found["status"], found["failure_class"]) == ("invalid", 401, "auth")
    assert USERS_KEY not in shown.output


def test_a_provider_that_is_down_ends_with_1_and_is_unknown(server: RunningServer) -> None:
    server.script = refusing(503)

    shown = pointsman("byok", "probe", "openai", stdin=USERS_KEY)

    assert shown.exit_code == 1
    assert "openai: unknown: the provider can't tell: overloaded (HTTP 503)" in shown.stdout


@pytest.mark.parametrize(
    ("provider", "key", "says"),
    [
        ("opena", USERS_KEY, "unknown provider 'opena'; did you mean 'openai'?"),
        ("local", USERS_KEY, "'local' takes no key"),
        ("azure", USERS_KEY, "AZURE_BASE_URL is not set"),
        ("openai", "", "is blank"),
        ("openai", "two words", "holds characters that no key has"),
    ],
)
def test_what_can_be_mended_is_said_and_ends_with_2(
    provider: str, key: str, says: str, server: RunningServer
) -> None:
    shown = pointsman("byok", "probe", provider, stdin=key)

    assert shown.exit_code == 2
    assert says in shown.stderr
    assert USERS_KEY not in shown.output
    assert server.received == []


def test_a_key_is_no_argument(server: RunningServer) -> None:
    assert pointsman("byok", "probe", "openai", USERS_KEY, stdin="").exit_code == 2
    assert server.received == []
