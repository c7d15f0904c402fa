"""Plans for requests that named an endpoint of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.errors import CatalogError, ForeignScope, SettingsError, TransportRefused, UserEndpointRefused
from app.llm import RequestScope, UserEndpoint, request_scope
from app.llm.clients.spec import ClientSpec
from app.llm.routing import MOST_ENDPOINT_MODELS
from app.settings import Settings
from tests.llm.services import TABLES, service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm import Hop, LLMService, ProviderRegistry

KEY = "sk-own-canary"
OWN = UserEndpoint("https://home.example/v1", "home-made", KEY)
PLAIN = UserEndpoint("https://home.example/v1", "home-made", KEY, ["streaming"])
NO_KEYS: Mapping[str, str] = {}
TWO_KEYS = {"acme": "sk-users", "nova": "sk-users"}


def scope(endpoint: UserEndpoint = OWN, keys: Mapping[str, str] = NO_KEYS) -> RequestScope:
    return RequestScope("ada", keys, endpoint)


def tables(**feature: Any) -> dict[str, Any]:
    features = {**TABLES["features"], "summary": {**TABLES["features"]["summary"], **feature}}
    providers = {
        name: {**row, "supports": ["tools", "streaming"]} for name, row in TABLES["providers"].items()
    }
    return {**TABLES, "features": features, "providers": providers}


@pytest.mark.parametrize("feature", ["summary", "coach", "chat"])
@pytest.mark.parametrize("keys", [{}, TWO_KEYS])
def test_an_own_endpoint_serves_before_every_other_candidate(feature: str, keys: dict[str, str]) -> None:
    plan = service().plan(feature, scope(keys=keys))
    assert (plan.first.route.provider, plan.first.route.model) == ("user_endpoint", "home-made")
    assert (plan.first.payer, plan.first.credential.source) == ("user", "the user's request")
    assert plan.ask == "generate"
    assert plan.first.timeout_s == 120
    assert KEY not in repr(plan)


def test_all_that_its_client_is_built_from_is_in_the_spec() -> None:
    spec = service().plan("summary", scope()).first.spec
    assert spec == ClientSpec(
        protocol="openai_compatible",
        provider="user_endpoint",
        base_url="https://home.example/v1",
        model="home-made",
        payer="user",
        auth="bearer",
        options=(("timeout_s", 120.0),),
        supports=OWN.supports,
        user_named=True,
    )


def test_the_operators_variables_dont_send_it_elsewhere() -> None:
    variables = {
        "USER_ENDPOINT_BASE_URL": "https://elsewhere.example",
        "USER_ENDPOINT_API_KEY": "sk-platform",
    }
    plan = service(variables=variables).plan("summary", scope())
    assert plan.first.spec.base_url == "https://home.example/v1"


def test_a_feature_that_the_platform_pays_for_passes_it_over() -> None:
    explanation = service().explain("guard", scope())
    assert explanation.hops[0].payer == "platform"
    assert explanation.rejected[0].label == "the user's own endpoint"
    assert "users never pay" in explanation.rejected[0].reason


def test_a_feature_that_needs_more_passes_it_over() -> None:
    one = service(tables(needs=["tools"]))
    explanation = one.explain("summary", scope(PLAIN))
    assert explanation.hops[0].provider == "broker"
    assert "needs tools, which this endpoint doesn't support" in explanation.rejected[0].reason
    assert one.plan("summary", scope(OWN)).first.route.provider == "user_endpoint"


def test_R9_the_bill_moves_to_the_platform_only_if_the_feature_says_so() -> None:
    assert [hop.payer for hop in service().plan("summary", scope()).hops] == ["user"]
    assert [hop.payer for hop in service().plan("chat", scope()).hops] == ["user", "platform"]
    assert "never moves the bill" in str(service().explain("summary", scope()))


def test_explain_says_where_it_goes_and_what_it_comes_before() -> None:
    text = str(service().explain("summary", scope(keys=TWO_KEYS)))
    assert "home-made:user_endpoint, paid by the user" in text
    assert "why: the user's own endpoint, named in the user's request" in text
    assert "endpoint: https://home.example/v1" in text
    assert "swift-2:acme on the user's bill" in text
    assert "not reached" in text
    assert KEY not in text


def test_an_endpoint_that_cant_be_called_is_an_error_and_no_reason_to_take_another() -> None:
    inside = scope(UserEndpoint("https://169.254.169.254", "m", KEY), TWO_KEYS)
    with pytest.raises(UserEndpointRefused, match="metadata"):
        service().get_llm("summary", scope=inside)
    explanation = service().explain("summary", inside)
    assert isinstance(explanation.error, UserEndpointRefused)
    assert service().get_llm("guard", scope=inside).payer == "platform"


def test_models_at_endpoints_are_kept_for_the_latest_ones_only() -> None:
    one = service()
    first = one.get_llm("summary", scope=scope())
    known = len(one._table.models)  # noqa: SLF001 - what grows is what this is about
    for number in range(MOST_ENDPOINT_MODELS + 20):
        one.get_llm("summary", scope=scope(UserEndpoint(f"https://h{number}.example", "m", KEY)))
        one.explain("summary", scope(UserEndpoint(f"https://h{number}.example", "m", KEY)))
    assert len(one._table.models) == known + MOST_ENDPOINT_MODELS - 1  # noqa: SLF001 - as above
    assert len(one._table._plans) == 0  # noqa: SLF001 - as above
    again = one.get_llm("summary", scope=scope())
    assert again.plan == first.plan


def test_R7_a_model_of_one_endpoint_refuses_to_work_for_another_ones_user() -> None:
    model = service().get_llm("summary", scope=scope())
    other = RequestScope("ada", endpoint=UserEndpoint("https://home.example/v1", "home-made", "sk-other"))
    with request_scope(other), pytest.raises(ForeignScope):
        model.invoke("hi")


def registry_and_hop(one: LLMService) -> tuple[ProviderRegistry, Hop]:
    return one._registry, one.plan("summary", scope()).first  # noqa: SLF001 - the part that grants


@pytest.mark.parametrize(
    "others",
    [
        None,
        RequestScope("ada", TWO_KEYS),
        RequestScope("ada", {"openai": "sk"}, UserEndpoint("https://home.example/v2", "home-made", "sk-2")),
    ],
)
def test_R5_only_the_scope_that_named_an_endpoint_has_its_key(others: RequestScope | None) -> None:
    registry, hop = registry_and_hop(service())
    credential = registry.grant(hop.spec, hop.credential, scope()).credential
    assert credential is not None
    assert credential.reveal() == KEY
    with pytest.raises(TransportRefused, match="that user's own request"):
        registry.grant(hop.spec, hop.credential, others)


def test_no_provider_of_a_catalog_can_have_its_name() -> None:
    row = {**TABLES["providers"]["acme"], "spare": True}
    with pytest.raises(CatalogError, match="users' own endpoints go by"):
        service({**TABLES, "providers": {**TABLES["providers"], "user_endpoint": row}})


def test_settings_say_what_the_guard_allows() -> None:
    settings = Settings(
        user_endpoint_loopback=True,
        user_endpoint_hosts=(
            "llm.corp.example",
            "Other.Corp.example:8443",
            "http://10.0.0.5:8000",
            "[fd00::5]",
        ),
        user_endpoint_response_limit=2048,
    )
    guard = Container(settings=settings).endpoint_guard()
    assert (guard.loopback, guard.response_limit) == (True, 2048)
    assert guard.opened == {
        "https://llm.corp.example:443",
        "https://other.corp.example:8443",
        "http://10.0.0.5:8000",
        "https://fd00::5:443",
    }
    assert guard.reach("http://10.0.0.5:8000") == "opened"


@pytest.mark.parametrize(
    "entry", ["", "*.example", "10.0.0.0/8", "https://llm.example/v1", "llm.example/v1", "127.1"]
)
def test_a_host_that_cant_be_opened_is_an_error_of_the_settings(entry: str) -> None:
    with pytest.raises(SettingsError, match="POINTSMAN_USER_ENDPOINT_HOSTS"):
        Container(settings=Settings(user_endpoint_hosts=(entry,))).transport()
