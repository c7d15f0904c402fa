"""Groups: what is played once for several features, how it is called, and what isn't played."""

from __future__ import annotations

import pytest

from app.containers import Container
from app.llm import InMemoryProfileRepository
from app.llm.providers.registry import ProviderRegistry, installed_adapters
from app.settings import Settings
from app.testing.drills.groups import NO_KEY, Way, grouped
from app.testing.drills.plays import Play
from app.testing.drills.scenario import Scenario
from tests.testing.drills.subjects import TABLES, group_of, scenario, with_keys

USERS = {"platform": {"keys": []}, "user": {"keys": "first"}}


def test_features_that_are_alike_are_played_once_and_all_named() -> None:
    groups, unplayed = grouped(with_keys(), scenario("ok"), ["summary", "filing", "notes", "agent"])
    assert [group.features for group in groups] == [("summary", "notes"), ("filing",), ("agent",)]
    assert not unplayed


def test_a_user_is_played_where_a_key_of_theirs_serves() -> None:
    groups, unplayed = grouped(with_keys(), scenario("ok", callers=USERS), ["summary", "guard"])
    found = {(group.features[0], group.caller): sorted(group.keys) for group in groups}
    assert found == {("summary", "platform"): [], ("summary", "user"): ["acme"], ("guard", "platform"): []}
    assert [(one.feature, one.caller, one.reason) for one in unplayed] == [("guard", "user", NO_KEY)]


def test_a_user_whose_keys_serve_nothing_is_not_played() -> None:
    callers = {"user": {"keys": ["lumen"]}}
    groups, unplayed = grouped(with_keys(), scenario("ok", callers=callers), ["summary", "agent"])
    assert [group.features for group in groups] == [("agent",)]
    assert [one.feature for one in unplayed] == ["summary"]


def test_what_a_profile_cannot_serve_is_not_played_and_the_reason_is_given() -> None:
    _, (one, other) = grouped(with_keys("small"), scenario("ok", callers=USERS), ["agent"])
    assert "it has no tools" in one.reason
    assert other.reason == NO_KEY


def test_a_protocol_that_the_server_does_not_speak_is_not_played() -> None:
    providers = TABLES["providers"] | {"acme": TABLES["providers"]["acme"] | {"protocol": "other"}}
    adapters = installed_adapters() | {"other": installed_adapters()["openai_compatible"]}
    repository = InMemoryProfileRepository(
        TABLES | {"providers": providers}, {name: adapter.honours for name, adapter in adapters.items()}
    )
    whole = Container(settings=Settings(variables={"ACME_API_KEY": "k"}), profile_repository=repository)
    registry = ProviderRegistry(whole.settings(), whole.transport(), whole.launchers(), adapters)
    whole.provider_registry.override(registry)
    _, (one,) = grouped(whole.llm_service(), scenario("ok"), ["summary"])
    assert one.reason == "the fault server doesn't speak other, the protocol of acme"


@pytest.mark.parametrize(
    ("needs", "way"),
    [
        (set(), Way("text", stream=False)),
        ({"streaming"}, Way("text", stream=True)),
        ({"tools", "streaming"}, Way("tools", stream=True)),
        ({"structured_output", "tools", "streaming"}, Way("schema", stream=False)),
    ],
)
def test_a_feature_is_called_as_its_needs_say(needs: set[str], way: Way) -> None:
    assert Way.of(needs) == way


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        ("stall", {"summary", "filing", "agent", "chat"}),
        ("no_finish", {"agent", "chat"}),
        ("bad_tool_arguments", {"filing", "agent"}),
        ("schema_violation", {"filing"}),
    ],
)
def test_a_fault_is_played_where_it_can_happen(fault: str, met: set[str]) -> None:
    plays = scenario(fault)
    assert {name for name in ("summary", "filing", "agent", "chat") if group_of(name).plays(plays)} == met


def test_at_a_plan_of_one_hop_every_hop_is_the_first() -> None:
    both = Scenario.model_validate(
        {"plays": [{"faults": ["cut"]}, {"faults": ["cut"], "at": "all"}]}, strict=False
    )
    assert group_of("summary").plays(both) == [Play("cut")]
    assert group_of("filing").plays(both) == [Play("cut"), Play("cut", at="all")]
