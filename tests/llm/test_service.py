"""A feature's name becomes a chat model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel

from app.containers import Container
from app.errors import MissingPlatformKey
from app.llm import RequestScope, request_scope
from app.settings import Settings
from tests.llm.services import ALL_KEYS, service, shipped

if TYPE_CHECKING:
    from app.llm import LLMService

PROFILES = ("premium", "max", "byok", "local")


def features(llm_service: LLMService) -> list[str]:
    return sorted(llm_service.catalog.features)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_feature_is_handed_a_chat_model_or_says_why_not(profile: str) -> None:
    llm_service = shipped(profile)
    unavailable = llm_service.catalog.profile(profile).unavailable

    assert len(features(llm_service)) == 36
    for feature in features(llm_service):
        if feature in unavailable:
            assert str(llm_service.explain(feature).error).endswith(unavailable[feature])
        else:
            assert isinstance(llm_service.get_llm(feature), BaseChatModel)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_feature_that_lacks_its_key_names_the_variable(profile: str) -> None:
    llm_service = shipped(profile, variables={})
    catalog = llm_service.catalog

    for feature in set(catalog.features) - set(catalog.profile(profile).unavailable):
        variable = catalog.provider(catalog.route(feature, profile).provider).row.key_env
        if variable is None:
            assert isinstance(llm_service.get_llm(feature), BaseChatModel)
        else:
            with pytest.raises(MissingPlatformKey, match=f"{variable} is not set"):
                llm_service.get_llm(feature)


def test_the_environment_is_read_when_the_settings_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_QOS", "  MAX ")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")

    llm_service = Container().llm_service()

    assert llm_service.profile == "max"
    assert isinstance(llm_service.get_llm("conv_folder"), BaseChatModel)


def test_a_handed_out_model_says_what_any_tracer_should_show() -> None:
    llm = service().get_llm("summary", scope=RequestScope("ada", {"acme": "users-key"}))

    expected = {
        "feature": "summary",
        "profile": "premium",
        "provider": "acme",
        "model": "swift-2",
        "payer": "user",
    }
    assert llm.metadata is not None
    assert expected.items() <= llm.metadata.items()
    assert llm.tags == [f"{name}:{value}" for name, value in expected.items()]


def test_the_features_own_callbacks_are_attached() -> None:
    tracer = BaseCallbackHandler()
    callbacks = {"summary": [tracer]}

    llm_service = service(callbacks=lambda feature: callbacks.get(feature, ()))

    assert llm_service.get_llm("summary").callbacks == [tracer]
    assert llm_service.get_llm("guard").callbacks is None


def test_two_callers_share_nothing_that_one_of_them_could_change() -> None:
    llm_service = service()
    first, second = llm_service.get_llm("summary"), llm_service.get_llm("summary")

    assert first is not second
    assert (first.tags, first.metadata) == (second.tags, second.metadata)
    assert first.tags is not second.tags
    assert first.metadata is not second.metadata


def test_the_ambient_scope_decides_unless_one_is_given() -> None:
    llm_service = service()
    with request_scope(RequestScope("ada", {"acme": "users-key"})):
        ambient = llm_service.get_llm("summary")
        explicit = llm_service.get_llm("summary", scope=RequestScope())

    assert ambient.payer == "user"
    assert explicit.payer == "platform"


def test_model_and_provider_report_the_platforms_route_even_inside_a_users_request() -> None:
    llm_service = service()
    with request_scope(RequestScope("ada", {"acme": "users-key"})):
        assert llm_service.get_model("summary") == "comet-2-lite"
        assert llm_service.get_provider("summary") == "broker"


def test_the_qos_info_is_sorted_and_holds_pinned_and_unavailable_features() -> None:
    info = shipped("local").get_qos_info()

    assert info["profile"] == "local"
    assert list(info["features"]) == sorted(info["features"])
    assert info["features"]["fair_use"]["pinned"] is True
    assert "tools" in info["features"]["chat_agent"]["unavailable"]


def test_start_up_logs_the_active_profile_once_and_a_line_a_feature(
    caplog: pytest.LogCaptureFixture,
) -> None:
    container = Container(settings=Settings(variables=ALL_KEYS))
    with caplog.at_level(logging.INFO, "pointsman"):
        for _ in range(3):
            container.llm_service().get_llm("conv_folder")

    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "profile=" in line] == [
        "event=profile_active profile=premium features=36"
    ]
    assert len([line for line in lines if "feature=" in line]) == 36


def test_an_unknown_profile_is_a_warning_and_premium_where_strictness_is_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    llm_service = Container(
        settings=Settings(model_qos="platinum", strict=False, variables=ALL_KEYS)
    ).llm_service()

    assert llm_service.profile == "premium"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'platinum'" in caplog.text


def test_warming_up_builds_the_clients_of_all_features_that_can_run() -> None:
    container = Container(settings=Settings(variables={"OPENAI_API_KEY": "sk-x"}))

    warmed = container.llm_service().warm_up()

    assert "conv_folder" in warmed
    assert "web_search" not in warmed, "its key is missing"
    assert len(container.client_cache()) > 0
