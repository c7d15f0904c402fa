"""The registry joins rows, protocols and settings into specs, credentials and clients."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, ClassVar

import pytest

from app.containers import Container
from app.errors import MissingPlatformKey, UnknownProtocol, UserKeyRequired
from app.llm import RequestScope
from app.llm.catalog.options import OPTION_NAMES
from app.llm.providers.registry import installed_adapters
from app.settings import Settings

if TYPE_CHECKING:
    from app.llm import LLMService
    from app.llm.catalog.options import Honoured


def shipped(**settings: object) -> LLMService:
    return Container(settings=Settings.model_validate(settings)).llm_service()


def test_every_option_is_honoured_by_at_least_one_protocol() -> None:
    honoured = {name for adapter in installed_adapters().values() for name in adapter.honours}

    assert honoured == OPTION_NAMES


def test_an_unknown_protocol_is_an_error_that_names_the_installed_ones() -> None:
    registry = Container().provider_registry()

    with pytest.raises(UnknownProtocol, match="did you mean 'gemini'"):
        registry.adapter("gemni")


def test_gemini_goes_to_vertex_where_the_platform_says_so_and_users_keys_never_do() -> None:
    service = shipped(
        use_vertex_ai=True, google_cloud_project="acme", gcp_location="europe-west4", variables={}
    )

    platform = service.plan("trends").first
    user = service.plan("trends", RequestScope("u", {"gemini": "k"})).hops

    assert platform.spec.vertex == ("acme", "europe-west4")
    assert platform.spec.base_url == "https://europe-west4-aiplatform.googleapis.com"
    assert platform.spec.auth == "bearer"
    assert [(hop.payer, hop.spec.vertex) for hop in user] == [("user", None)]


def test_the_operator_redirects_a_provider_by_its_own_variable() -> None:
    service = shipped(variables={"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})

    assert service.plan("conv_folder").first.spec.base_url == "http://127.0.0.1:9/v1"


def test_a_redirect_of_the_embedded_model_launches_nothing() -> None:
    service = shipped(model_qos="local", variables={"LOCAL_BASE_URL": "http://127.0.0.1:11434/v1"})

    spec = service.plan("conv_folder").first.spec
    assert (spec.base_url, spec.launch) == ("http://127.0.0.1:11434/v1", None)


def test_one_setting_uses_another_local_server_and_its_model_instead() -> None:
    service = shipped(model_qos="local", reroute="local=ollama/qwen3:4b", variables={})

    assert {hop.route.target for hop in service.plan("conv_folder").hops} == {"qwen3:4b:ollama"}
    assert service.plan("conv_folder").ask == "generate"


def test_R1_specs_of_the_same_hop_are_equal_and_hold_no_secret() -> None:
    one, other = (shipped(variables={"OPENAI_API_KEY": f"sk-canary-{n}"}) for n in (1, 2))

    assert one.plan("conv_folder").first.spec == other.plan("conv_folder").first.spec
    assert "canary" not in repr(one.plan("conv_folder"))


def test_a_users_key_that_is_missing_never_becomes_the_platforms() -> None:
    container = Container(settings=Settings(variables={"OPENAI_API_KEY": "sk-platform"}))
    hop = container.llm_service().plan("conv_folder", RequestScope("u", {"openai": "sk-user"})).first

    for scope in (None, RequestScope(), RequestScope("u", {"gemini": "g"})):
        with pytest.raises(UserKeyRequired):
            container.provider_registry().grant(hop.spec, hop.credential, scope)


def test_a_provider_with_an_endpoint_of_its_customers_own_asks_for_its_url(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("catalog")
    own = '[profiles.premium.routes]\nconv_folder = { provider = "azure", model = "gpt-9" }\n'
    (directory / "own.toml").write_text(own, encoding="utf-8")
    service = shipped(catalog=directory, variables={"AZURE_OPENAI_API_KEY": "k"})

    with pytest.raises(MissingPlatformKey, match="AZURE_BASE_URL is not set"):
        service.plan("conv_folder")


class Morse:
    """A protocol of another package."""

    name = "morse"
    auth = "bearer"
    honours: ClassVar[Honoured] = {"temperature": None}


def test_another_package_adds_a_protocol_through_an_entry_point() -> None:
    entry = EntryPoint("morse", f"{__name__}:Morse", "pointsman.protocols")

    adapters = installed_adapters([entry])

    assert set(adapters["morse"].honours) == {"temperature"}
    assert "openai_compatible" in adapters
