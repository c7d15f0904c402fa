"""Coverage: what a user's keys are good for, feature by feature; what it says is what `get_llm` does."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from app.errors import PointsmanError, UnknownProvider
from app.llm import RequestScope, UserEndpoint, request_scope
from tests.llm.services import ALL_KEYS, TABLE_KEYS, TABLES, service, shipped

if TYPE_CHECKING:
    from app.llm import LLMService

HOLDERS = ("acme", "broker", "nova")


def scope_with(*providers: str) -> RequestScope:
    return RequestScope("ada", dict.fromkeys(providers, "sk-users"))


def check_against_get_llm(llm_service: LLMService, scope: RequestScope) -> None:
    """Hold every row of the coverage against the model that is handed out, or the error that is raised."""
    coverage = llm_service.byok_coverage(scope)
    assert [one.feature for one in coverage.features] == sorted(llm_service.catalog.features)
    for one in coverage.features:
        if one.outcome == "stops":
            with pytest.raises(PointsmanError) as caught:
                llm_service.get_llm(one.feature, scope=scope)
            assert (one.reason, one.error) == (str(caught.value), type(caught.value).__name__)
        else:
            model = llm_service.get_llm(one.feature, scope=scope)
            assert (one.outcome, one.provider, one.model) == (model.payer, model.provider, model.model)
            assert one.label == model.plan.first.label


@pytest.mark.parametrize("size", range(len(HOLDERS) + 1))
@pytest.mark.parametrize("variables", [TABLE_KEYS, {}], ids=["platform keys", "no platform key"])
def test_R8_coverage_says_what_get_llm_does(size: int, variables: dict[str, str]) -> None:
    llm_service = service(variables=variables)
    for providers in itertools.combinations(HOLDERS, size):
        check_against_get_llm(llm_service, scope_with(*providers))


@pytest.mark.parametrize("profile", ["premium", "byok", "local"])
def test_R8_coverage_says_what_get_llm_does_for_the_shipped_catalog(profile: str) -> None:
    llm_service = shipped(profile)
    for providers in [(), ("openai",), ("gemini",), ("openai", "gemini", "anthropic"), ("groq",)]:
        check_against_get_llm(llm_service, scope_with(*providers))


def test_features_run_on_the_users_key_fall_to_the_platform_or_stop() -> None:
    coverage = service().byok_coverage(scope_with("nova"))

    chat, coach, guard = (coverage.of(name) for name in ("chat", "coach", "guard"))
    assert (chat.outcome, chat.provider, chat.model) == ("user", "nova", "comet-3")
    assert chat.if_key_fails == "platform"
    assert (coach.outcome, coach.error) == ("stops", "UserKeyRequired")
    assert (guard.outcome, guard.provider) == ("platform", "acme")
    assert guard.reason == "platform_only: users never pay for this feature"
    assert coverage.counts == {"user": 2, "platform": 1, "stops": 1}


def test_a_feature_whose_user_key_may_not_fall_to_the_platform_stops_if_it_fails() -> None:
    assert service().byok_coverage(scope_with("acme")).of("coach").if_key_fails == "stops"


def test_what_falls_to_the_platform_says_which_key_would_serve_it() -> None:
    coverage = service().byok_coverage(scope_with("broker"))

    assert coverage.of("chat").outcome == "platform"
    assert (
        coverage.of("chat").reason == "no key for 'acme' in this request; no key for 'nova' in this request"
    )


def test_a_missing_platform_key_stops_a_feature() -> None:
    assert service(variables={}).byok_coverage(scope_with("nova")).of("guard").error == "MissingPlatformKey"


def test_a_feature_that_the_profile_cannot_serve_stops_unless_the_byok_profile_can() -> None:
    premium, byok = TABLES["profiles"]["premium"], TABLES["profiles"]["byok"]
    routes = {name: route for name, route in premium["routes"].items() if name != "chat"}
    closed = {"routes": routes, "unavailable": {"chat": "comets are too small"}}
    llm_service = service(TABLES | {"profiles": {"premium": closed, "byok": byok}})

    stopped = llm_service.byok_coverage(scope_with("broker")).of("chat")

    assert (stopped.outcome, stopped.error) == ("stops", "FeatureUnavailable")
    assert "comets are too small" in (stopped.reason or "")
    assert llm_service.byok_coverage(scope_with("acme")).of("chat").outcome == "user"


def test_a_key_that_no_feature_would_use_is_said_and_not_ignored() -> None:
    coverage = shipped().byok_coverage(scope_with("openai", "groq"))

    assert coverage.idle == ("groq",)
    assert "no feature would use a key for groq" in coverage.summary


def test_R8_a_users_own_endpoint_covers_what_it_can_serve() -> None:
    llm_service = service()
    scope = RequestScope("ada", endpoint=UserEndpoint("https://llm.ada.example/v1", "adas-model", "sk-ada"))

    check_against_get_llm(llm_service, scope)
    coverage = llm_service.byok_coverage(scope)

    assert (coverage.keys, coverage.idle) == (("user_endpoint",), ())
    assert (coverage.of("chat").provider, coverage.of("chat").model) == ("user_endpoint", "adas-model")
    assert coverage.of("guard").outcome == "platform"


def test_an_unknown_provider_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownProvider, match="did you mean 'acme'"):
        service().byok_coverage(scope_with("acmee"))


def test_the_ambient_scope_is_what_is_covered_and_nobody_is_covered_without_one() -> None:
    llm_service = service()
    with request_scope(scope_with("acme")):
        inside = llm_service.byok_coverage()

    outside = llm_service.byok_coverage()

    assert (inside.keys, outside.keys) == (("acme",), ())
    assert inside.counts["user"] == 3
    assert outside.counts["user"] == 0
    assert outside.of("chat").reason == "no keys in this request"


def test_coverage_is_plain_data_and_a_text() -> None:
    coverage = service().byok_coverage(scope_with("nova"))

    plain = json.loads(json.dumps(coverage.to_dict()))
    lines = str(coverage).splitlines()

    assert plain["counts"] == coverage.counts
    assert [row["feature"] for row in plain["features"]] == ["chat", "coach", "guard", "summary"]
    assert lines[0] == (
        "profile premium, keys for nova: of 4 features, 2 on the user's keys, 1 on the platform's, 1 stopped"
    )
    assert lines[1].startswith("  chat: comet-3:nova, paid by the user (")
    assert lines[2].startswith("  coach: stops: feature 'coach' runs on the user's own key only")
    assert lines[3].endswith(": platform_only: users never pay for this feature")


def test_all_keys_of_the_shipped_catalog_leave_nothing_idle_that_it_uses() -> None:
    names = [name.removesuffix("_API_KEY").lower() for name in ALL_KEYS]
    coverage = shipped().byok_coverage(scope_with(*names))

    assert coverage.counts["stops"] == 0
    assert coverage.counts["user"] > coverage.counts["platform"]
