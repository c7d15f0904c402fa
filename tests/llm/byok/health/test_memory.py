"""Key health in memory: what is known of users' keys, and when its change is told."""

from __future__ import annotations

import gc
import pickle
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

import pytest

from app.errors import ConfigurationError
from app.llm.byok.health.conditions import KeyCondition, KeyFailure
from app.llm.byok.health.memory import InMemoryKeyHealth
from tests.llm.byok.health.observing import FORBIDDEN, NO_MONEY, REFUSED, Watched, key

if TYPE_CHECKING:
    from app.llm.byok.health.conditions import KeyHealthChanged, KeyState

CANARY = "sk-canary-0123456789"


def test_nothing_is_known_of_a_key_that_nobody_used() -> None:
    health = InMemoryKeyHealth()

    assert health.of("ada", "acme") == KeyCondition("unknown", None, None)
    assert health.all_of("ada") == {}


@pytest.mark.parametrize(
    ("failure_class", "state"), [("auth", "invalid"), ("permission", "no_permission"), ("quota", "no_quota")]
)
def test_a_refusal_says_what_is_wrong_with_the_key_and_since_when(
    failure_class: str, state: KeyState
) -> None:
    watched = Watched()
    failure = KeyFailure(failure_class, 400, "some_code")
    watched.works()
    since = watched.clock.passes(minutes=5)

    watched.fails(failure)
    watched.clock.passes(minutes=5)
    watched.fails(failure)

    assert watched.health.of("ada", "acme") == KeyCondition(state, since, failure)
    assert watched.health.of("eve", "acme").state == watched.health.of("ada", "other").state == "unknown"


@pytest.mark.parametrize(
    "failure_class", ["timeout", "rate_limited", "overloaded", "connection", "invalid_request", "unknown"]
)
def test_what_fails_for_another_reason_says_nothing_of_the_key(failure_class: str) -> None:
    watched = Watched()
    watched.fails(KeyFailure(failure_class, 500))
    assert watched.health.of("ada", "acme").state == "unknown"

    watched.works()
    watched.fails(KeyFailure(failure_class, 500))

    assert watched.health.of("ada", "acme").state == "valid"


def test_a_success_clears_a_refusal() -> None:
    watched = Watched()
    watched.fails()
    since = watched.clock.passes(hours=1)

    watched.works()

    assert watched.health.of("ada", "acme") == KeyCondition("valid", since, None)


def test_a_changed_key_does_not_inherit_the_old_ones_state() -> None:
    watched = Watched()
    watched.fails(text="sk-old")
    since = watched.clock.passes(hours=1)

    watched.fails(KeyFailure("timeout"), text="sk-new")
    assert watched.health.of("ada", "acme").state == "invalid", "nothing was seen of the new key yet"
    watched.fails(REFUSED, text="sk-new")

    assert watched.health.of("ada", "acme").since == since


def test_keys_of_a_user_are_known_by_provider() -> None:
    health = InMemoryKeyHealth()
    health.succeeded("ada", "acme", key())
    health.failed("ada", "nova", key(), NO_MONEY)
    health.failed("eve", "acme", key(), REFUSED)

    assert {name: one.state for name, one in health.all_of("ada").items()} == {
        "acme": "valid",
        "nova": "no_quota",
    }
    health.forget("ada")
    assert health.all_of("ada") == {}
    assert health.of("eve", "acme").state == "invalid"


def test_who_called_longest_ago_is_forgotten_first() -> None:
    health = InMemoryKeyHealth(limit=2)
    for user in ("ada", "eve", "ada", "bob"):
        health.succeeded(user, "acme", key())

    assert len(health) == 2
    assert [health.of(user, "acme").state for user in ("ada", "eve", "bob")] == ["valid", "unknown", "valid"]


def test_bad_news_is_told_once_again_every_24_hours_and_when_it_is_over() -> None:
    watched = Watched()
    watched.works()
    watched.fails()
    watched.fails()
    watched.clock.passes(hours=23, minutes=59)
    watched.fails()
    watched.clock.passes(minutes=1)
    watched.fails()
    watched.clock.passes(hours=48)
    watched.works()
    watched.works()

    assert watched.events() == [
        ("valid", "invalid", False),
        ("invalid", "invalid", True),
        ("invalid", "valid", False),
    ]


def test_one_bad_state_after_another_is_told() -> None:
    watched = Watched()
    watched.fails(NO_MONEY)
    watched.fails(FORBIDDEN)

    assert watched.events() == [("unknown", "no_quota", False), ("no_quota", "no_permission", False)]


def test_a_key_that_wavers_does_not_flood_its_user() -> None:
    watched = Watched()
    for _ in range(100):
        watched.fails(FORBIDDEN)
        watched.works()
    watched.clock.passes(hours=24)
    watched.fails(FORBIDDEN)

    assert watched.events() == [
        ("unknown", "no_permission", False),
        ("no_permission", "valid", False),
        ("valid", "no_permission", True),
    ]


def test_two_keys_of_one_user_in_turn_do_not_flood_their_user_either() -> None:
    watched = Watched()
    for _ in range(100):
        watched.fails(text="sk-old-telephone")
        watched.works(text="sk-new-telephone")

    assert watched.events() == [("unknown", "invalid", False), ("unknown", "valid", False)]


def test_a_new_key_that_is_bad_too_is_told() -> None:
    watched = Watched()
    watched.fails(text="sk-one")
    watched.fails(text="sk-two")

    assert watched.events() == [("unknown", "invalid", False)] * 2


def test_what_was_told_long_ago_is_forgotten_before_a_user_with_many_keys_fills_the_memory() -> None:
    watched = Watched()
    for _ in range(2):
        for number in range(9):
            watched.fails(text=f"sk-{number}")

    assert len(watched.events()) == 18
    assert repr(watched.health) == "InMemoryKeyHealth(1 users)"


def test_that_a_key_works_is_no_news_to_whom_nothing_else_was_told() -> None:
    watched = Watched()
    watched.works()
    watched.works(text="sk-two")

    assert watched.events() == []


def test_an_event_says_whose_key_what_and_why() -> None:
    watched = Watched()
    watched.fails(KeyFailure("auth", 401, "invalid_api_key"))

    event: KeyHealthChanged = watched.observer.next()

    assert (event.user_id, event.provider, event.since) == ("ada", "acme", watched.clock.at)
    assert str(event.reason) == "auth (HTTP 401), code invalid_api_key"
    watched.health.close()


def test_an_observer_may_ask_while_it_is_told() -> None:
    states: list[str] = []
    health = InMemoryKeyHealth(lambda event: states.append(health.all_of(event.user_id)["acme"].state))
    health.failed("ada", "acme", key(), REFUSED)
    health.close()

    assert states == ["invalid"]


def test_no_key_is_kept() -> None:
    watched = Watched()
    watched.works(CANARY)
    watched.fails(text=CANARY)
    watched.health.succeeded("eve", "acme", key(CANARY))
    event = watched.observer.next()

    known = [watched.health.of("ada", "acme"), watched.health.all_of("eve"), event]
    assert CANARY not in repr([watched.health, *known]) + str(pickle.dumps(known))
    assert [one for one in texts_within(watched.health) if CANARY in one] == []
    assert [one for one in texts_within([watched.health, {"planted": CANARY}]) if CANARY in one] == [CANARY]
    watched.health.close()


def texts_within(root: object) -> list[str]:
    """Return every text that can be reached from an object, but through types, modules and functions."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type | ModuleType | FunctionType):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    return [str(one) for one in seen.values() if isinstance(one, str | bytes)]


def test_another_process_recognises_no_key_of_this_one() -> None:
    first, second = InMemoryKeyHealth(), InMemoryKeyHealth()

    assert first._fingerprint(key()) == first._fingerprint(key())  # noqa: SLF001 - the secret has no other trace
    assert first._fingerprint(key()) != second._fingerprint(key())  # noqa: SLF001 - as above


def test_a_coroutine_function_is_refused_and_not_silently_never_run() -> None:
    async def tell(event: KeyHealthChanged) -> None: ...

    with pytest.raises(ConfigurationError, match="coroutine"):
        InMemoryKeyHealth(tell)


def test_a_condition_is_plain_data_for_an_answer() -> None:
    watched = Watched()
    watched.fails()

    assert watched.health.of("ada", "acme").to_dict() == {
        "state": "invalid",
        "since": "2026-05-04T03:02:01+00:00",
        "failure": {"failure_class": "auth", "status": 401, "code": None, "guessed": False},
    }
    assert KeyCondition().to_dict() == {"state": "unknown", "since": None, "failure": None}
    watched.health.close()
