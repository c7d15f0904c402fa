"""LangChain's standard suites, on what `get_llm` returns. Each adapter's tests say what its model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from tests.standard.handed_out import OTHER_MODEL, OTHER_PROFILE, HandedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models.chat_models import BaseChatModel

    from tests.servers.running import RunningServer


class Adapter:
    """What is under test: a protocol, a provider that speaks it, and that provider's key."""

    protocol: ClassVar[str]
    provider: ClassVar[str]
    key: ClassVar[str]
    path: ClassVar[str] = ""
    """What the provider's base URL ends with."""

    handed_out: HandedOut
    base_url: str

    @pytest.fixture(autouse=True)
    def _models(self, providers: RunningServer) -> Iterator[None]:
        self.handed_out = HandedOut(self.protocol, self.provider)
        self.base_url = providers.origin + self.path
        yield
        self.handed_out.close()

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return cast("type[BaseChatModel]", self.handed_out)


class UnitSuite(Adapter, ChatModelUnitTests):
    """LangChain's unit tests: how a model is made, described and bound. Nobody is asked."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": self.key}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        name = self.provider.upper()
        environment = {f"{name}_API_KEY": self.key, f"{name}_BASE_URL": self.base_url, "MODEL_QOS": OTHER_PROFILE}
        return environment, {}, {"qos_profile": OTHER_PROFILE, "model": OTHER_MODEL, "provider": self.provider}


class IntegrationSuite(Adapter, ChatModelIntegrationTests):
    """LangChain's integration tests: each asks the provider's server, over the provider's SDK."""

    @pytest.fixture(autouse=True)
    def _downloads_stay_here(self, downloads: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in downloads.items():
            monkeypatch.setenv(name, value)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": self.key, "base_url": self.base_url}

    @property
    def model_override_value(self) -> str:
        return "the-caller-s-own-choice"

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True
