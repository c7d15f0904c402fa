"""The way in for workers and jobs: the same parser and the same policy, without a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from app.errors import InvalidUserKey, UnknownKeyProvider, UserEndpointRefused, UserKeyMismatch
from app.llm import RequestScope, UserEndpoint
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.headers import KeyHeaders
from tests.llm.byok.enrolment.peppers import PROVIDERS, policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm import Enrolment

    Ask = Callable[..., RequestScope]

KEY = "sk-canary-ada"
ENDPOINT = UserEndpoint("https://llm.example/v1", "own-1", KEY)


def in_a_thread(entry: BYOKEntry, *given: Any, **more: Any) -> RequestScope:
    return entry.scope_of(*given, **more)


def in_a_loop(entry: BYOKEntry, *given: Any, **more: Any) -> RequestScope:
    return asyncio.run(entry.ascope_of(*given, **more))


@pytest.fixture(params=[in_a_thread, in_a_loop])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


def entry(mine: Enrolment | None = None, **how: Any) -> BYOKEntry:
    return BYOKEntry(KeyHeaders(lambda: PROVIDERS, **how), mine)


def test_headers_keys_and_an_endpoint_make_one_scope(ask: Ask) -> None:
    found = ask(entry(), "ada", {"X-BYOK-Acme": KEY}, keys={"nova": SecretStr(KEY)}, endpoint=ENDPOINT)
    assert found == RequestScope("ada", {"acme": KEY, "nova": KEY}, ENDPOINT)
    assert ask(entry(), "ada") == RequestScope("ada")


def test_a_jobs_keys_are_held_to_the_same_rules(ask: Ask) -> None:
    with pytest.raises(InvalidUserKey, match="blank"):
        ask(entry(), "ada", keys={"acme": ""})
    with pytest.raises(InvalidUserKey, match="NoneType"):
        ask(entry(), "ada", keys={"acme": None})
    with pytest.raises(UnknownKeyProvider):
        ask(entry(), "ada", keys={"acmee": KEY})
    with pytest.raises(InvalidUserKey, match="more than once"):
        ask(entry(), "ada", {"x-byok-acme": KEY}, keys={"acme": KEY})
    assert ask(entry(bad="drop"), "ada", keys={"acme": "", "nova": KEY}) == RequestScope("ada", {"nova": KEY})


def test_two_endpoints_are_one_too_many(ask: Ask) -> None:
    url, model, key = (f"X-BYOK-Endpoint-{part}" for part in ("URL", "Model", "Key"))
    named = {url: "https://llm.example/v1", model: "m", key: KEY}
    with pytest.raises(UserEndpointRefused, match="twice"):
        ask(entry(endpoints=True), "ada", named, endpoint=ENDPOINT)


def test_the_policy_of_enrolment_holds_for_jobs(ask: Ask) -> None:
    mine = policy()
    mine.enrol("ada", "acme", KEY)
    assert ask(entry(mine), "ada", keys={"acme": KEY, "nova": KEY}) == RequestScope("ada", {"acme": KEY})
    assert ask(entry(mine), "eve", keys={"acme": KEY}, endpoint=ENDPOINT) == RequestScope("eve")
    with pytest.raises(UserKeyMismatch):
        ask(entry(mine), "ada", keys={"acme": "sk-other"})


def test_a_blank_user_is_nobody(ask: Ask) -> None:
    assert ask(entry(), "").user_id is None
