"""Who serves a request and who pays: the candidate order, the payer rules, and what a plan says of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import (
    FeatureUnavailable,
    MissingPlatformKey,
    UnknownFeature,
    UnknownProfile,
    UnknownProvider,
    UserKeyRequired,
)
from app.llm import RequestScope
from tests.llm.services import TABLES, service, shipped

FEATURES = sorted(TABLES["features"])
PROVIDERS = sorted(TABLES["providers"])


def scope(*providers: str) -> RequestScope:
    return RequestScope("ada", {name: f"{name}-users-key" for name in providers})


def target(feature: str, *providers: str) -> tuple[str, str]:
    hop = service().plan(feature, scope(*providers)).first
    return hop.route.target, hop.payer


def test_the_route_of_the_byok_profile_is_tried_first() -> None:
    assert target("summary", "acme", "broker", "nova") == ("swift-2:acme", "user")


def test_the_active_route_serves_where_only_its_key_was_sent() -> None:
    assert target("summary", "broker") == ("comet-2-lite:broker", "user")


def test_the_direct_equivalent_serves_where_only_its_vendors_key_was_sent() -> None:
    assert target("summary", "nova") == ("comet-2-lite:nova", "user")


def test_the_active_route_is_tried_before_its_direct_equivalent() -> None:
    assert target("summary", "broker", "nova") == ("comet-2-lite:broker", "user")


def test_without_a_key_that_fits_the_platform_serves_and_pays() -> None:
    assert target("chat", "broker") == ("comet-3:nova", "platform")
    assert target("summary") == ("comet-2-lite:broker", "platform")


def test_users_never_pay_for_a_feature_that_only_the_platform_pays_for() -> None:
    assert target("guard", *PROVIDERS) == ("swift-pinned:acme", "platform")


def test_the_platform_never_pays_for_a_feature_that_only_users_pay_for() -> None:
    with pytest.raises(UserKeyRequired, match="acme"):
        service().plan("coach", scope("nova"))
    with pytest.raises(UserKeyRequired):
        service().plan("coach")
    assert target("coach", "acme") == ("swift-1:acme", "user")


def test_the_direct_equivalent_gets_only_the_options_that_are_for_it() -> None:
    broker = service().plan("summary", scope("broker")).first
    direct = service().plan("summary", scope("nova")).first

    assert dict(broker.spec.options) == {"temperature": 0.7, "timeout_s": 120.0}
    assert dict(direct.spec.options) == {"thinking_budget": 0, "timeout_s": 120.0}


def test_the_name_on_the_wire_is_the_providers_own() -> None:
    assert service().plan("summary", scope("broker")).first.spec.model == "nova/comet-2-lite"
    assert service().plan("summary", scope("nova")).first.spec.model == "comet-2-lite"


def test_fallbacks_run_on_the_same_payer_and_the_platform_follows_only_by_permission() -> None:
    both = service().plan("chat", scope("acme", "nova"))
    one = service().plan("chat", scope("acme"))

    assert [(hop.route.target, hop.payer) for hop in both.hops] == [
        ("swift-3:acme", "user"),
        ("comet-3:nova", "user"),
        ("comet-3:nova", "platform"),
    ]
    assert [(hop.route.target, hop.payer) for hop in one.hops] == [
        ("swift-3:acme", "user"),
        ("comet-3:nova", "platform"),
    ]
    assert any("the payer may not change" in rejection.reason for rejection in one.rejected)


def test_deadline_and_attempts_come_from_the_feature_or_from_the_defaults() -> None:
    own, default = service().plan("chat"), service().plan("summary")

    assert (own.deadline_s, own.attempts) == (9.0, 3)
    assert (default.deadline_s, default.attempts) == (240.0, 2)


def test_a_missing_platform_key_is_named_by_its_variable() -> None:
    with pytest.raises(MissingPlatformKey, match="BROKER_API_KEY is not set"):
        service(variables={"ACME_API_KEY": "x", "BROKER_API_KEY": "  "}).plan("summary")


def test_a_users_key_needs_no_platform_key() -> None:
    assert service(variables={}).plan("summary", scope("acme")).first.payer == "user"


def test_a_key_for_a_provider_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UnknownProvider, match="'acne'; did you mean 'acme'"):
        service().plan("summary", scope("acne"))


def test_an_unknown_feature_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownFeature, match="'sumary'; did you mean 'summary'"):
        service().plan("sumary")


def test_a_default_route_serves_unknown_features_where_the_catalog_declares_one() -> None:
    tables: dict[str, Any] = TABLES | {"default": {"provider": "acme", "model": "swift-0"}}

    assert service(tables).plan("anything").first.route.target == "swift-0:acme"


def test_an_unknown_profile_is_an_error_at_start_with_the_nearest_name() -> None:
    with pytest.raises(UnknownProfile, match="'premum'; did you mean 'premium'"):
        shipped("premum")


def test_a_feature_that_a_profile_can_not_serve_says_why() -> None:
    with pytest.raises(FeatureUnavailable, match="can't call tools"):
        shipped("local").plan("chat_agent")


@given(feature=st.sampled_from(FEATURES), keys=st.sets(st.sampled_from(PROVIDERS)))
def test_a_user_pays_exactly_where_the_plan_runs_on_a_key_that_this_user_sent(
    feature: str, keys: set[str]
) -> None:
    try:
        plan = SERVICE.plan(feature, scope(*keys))
    except UserKeyRequired:
        assert TABLES["features"][feature].get("payer") == "user_only"
        return

    for hop in plan.hops:
        assert hop.credential.payer == hop.payer == hop.spec.payer
        assert hop.payer == "platform" or hop.credential.provider in keys
    payers = [hop.payer for hop in plan.hops]
    assert payers == sorted(payers, reverse=True), "the platform never pays before the user does"
    rule = TABLES["features"][feature].get("payer")
    assert rule != "platform_only" or set(payers) == {"platform"}
    assert rule != "user_only" or set(payers) == {"user"}


@given(feature=st.sampled_from(FEATURES), keys=st.sets(st.sampled_from(PROVIDERS)))
def test_nothing_that_describes_a_plan_holds_a_secret(feature: str, keys: set[str]) -> None:
    explanation = SERVICE.explain(feature, scope(*keys))

    for text in (str(explanation), repr(explanation), str(explanation.to_dict())):
        assert "users-key" not in text
        assert "-platform" not in text.replace("on_user_key_failure", "")


SERVICE = service()
