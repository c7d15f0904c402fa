"""`explain` tells where a call would go and why not elsewhere, so that a person can act on it."""

from __future__ import annotations

import json

from app.errors import MissingPlatformKey, UnknownFeature, UserKeyRequired
from app.llm import RequestScope
from tests.llm.services import TABLES, container, service


def scope(*providers: str) -> RequestScope:
    return RequestScope("ada", {name: f"{name}-users-key" for name in providers})


def test_a_pinned_feature_says_that_it_is_pinned() -> None:
    explanation = service().explain("guard")

    assert explanation.hops[0].why == "the pinned route"
    assert (explanation.hops[0].provider, explanation.hops[0].payer) == ("acme", "platform")
    assert explanation.hops[0].credential == "ACME_API_KEY"


def test_the_key_of_the_byok_route_is_used_and_what_came_later_is_named() -> None:
    explanation = service().explain("summary", scope("acme"))

    assert explanation.hops[0].why == "route in profile 'byok'"
    assert explanation.hops[0].credential == "the user's request"
    reasons = {(r.provider, r.payer): r.reason for r in explanation.rejected}
    assert reasons["broker", "user"] == "not reached: an earlier candidate serves the call"
    assert "a failing user key never moves the bill" in reasons["broker", "platform"]


def test_with_only_a_key_for_the_active_route_the_byok_route_is_passed_over() -> None:
    explanation = service().explain("summary", scope("broker"))

    assert explanation.hops[0].why == "route in profile 'premium'"
    assert explanation.rejected[0].reason == "no key for 'acme' in this request"


def test_a_vendors_key_goes_to_the_vendor_and_not_through_the_broker() -> None:
    explanation = service().explain("summary", scope("nova"))
    text = str(explanation)

    assert explanation.hops[0].provider == "nova"
    assert "direct equivalent of the route in profile 'premium'" in text
    assert "no key for 'broker' in this request" in text


def test_a_user_only_feature_without_a_key_says_which_key_it_would_take() -> None:
    explanation = service().explain("coach", scope("nova"))

    assert isinstance(explanation.error, UserKeyRequired)
    assert "it would run with a key for: acme" in str(explanation)
    assert "user_only: the platform never pays for this feature" in str(explanation)


def test_a_platform_only_feature_says_why_a_users_key_is_not_used() -> None:
    explanation = service().explain("guard", scope("acme"))

    assert explanation.hops[0].payer == "platform"
    assert explanation.rejected[0].reason == "platform_only: users never pay for this feature"


def test_an_unknown_feature_is_explained_by_the_nearest_name() -> None:
    explanation = service().explain("sumary")

    assert isinstance(explanation.error, UnknownFeature)
    assert "did you mean 'summary'" in str(explanation)


def test_a_missing_platform_key_is_explained_with_the_plan_that_lacks_it() -> None:
    explanation = service(variables={}).explain("summary")

    assert isinstance(explanation.error, MissingPlatformKey)
    assert "BROKER_API_KEY is not set" in str(explanation)
    assert explanation.hops[0].provider == "broker"


def test_every_option_says_where_it_comes_from() -> None:
    options = {option.name: option for option in service().explain("summary").hops[0].options}

    assert options["temperature"].value == 0.7
    assert options["timeout_s"].source == "the default of every call"


def test_a_redirected_endpoint_names_the_variable_that_redirects_it() -> None:
    variables = {"BROKER_API_KEY": "x", "BROKER_BASE_URL": "https://proxy.example/v1"}
    explanation = service(variables=variables).explain("summary")

    assert explanation.hops[0].endpoint == "https://proxy.example/v1 (from BROKER_BASE_URL)"


def test_a_cache_key_that_can_not_be_sent_is_not_ignored_silently() -> None:
    notes = service().explain("summary", cache_key="user-7").notes

    assert notes == ("cache_key isn't sent: comet-2-lite:broker takes no prompt_cache_key",)
    assert service().explain("guard", cache_key="user-7").notes == ()


def test_what_follows_from_a_pinned_route_is_named_after_it() -> None:
    pin = {"guard": {"provider": "broker", "model": "comet-3"}}
    features = TABLES["features"] | {"guard": {"about": "Guard"}}
    llm_service = service(TABLES | {"pinned": pin, "features": features})
    explanation = llm_service.explain("guard", scope("nova"))

    assert explanation.hops[0].why == "direct equivalent of the pinned route"
    assert [rejection.label for rejection in explanation.rejected] == ["the pinned route"] * 2


def test_every_hop_says_what_state_its_circuit_is_in_and_who_shares_it() -> None:
    made = container()
    hops = made.llm_service().plan("chat", scope("acme", "nova")).hops
    for _ in range(20):
        made.circuits().failed(hops[1].circuit, hops[1].circuit_row, 600.0)

    explained = made.llm_service().explain("chat", scope("acme", "nova")).hops

    assert [hop.circuit.split(" ")[0] for hop in explained] == ["closed,", "open", "closed,"]
    assert explained[0].circuit == "closed, local"
    assert "after 5 failures until" in explained[1].circuit
    assert f"circuit: {explained[1].circuit}" in str(
        made.llm_service().explain("chat", scope("acme", "nova"))
    )


def test_the_time_limits_of_a_plan_are_explained() -> None:
    text = str(service().explain("summary"))

    assert "connection within 10 s; streams: first content within as long as an attempt, each further" in text


def test_deadline_and_attempts_are_part_of_the_answer() -> None:
    text = str(service().explain("chat"))

    assert "deadline 9 s, at most 3 attempts in all" in text


def test_every_explanation_can_be_written_as_json() -> None:
    for feature in [*TABLES["features"], "nobody"]:
        plain = json.loads(json.dumps(service().explain(feature, scope("acme")).to_dict()))
        assert plain["feature"] == feature
