"""The scripted model under LangChain's standard suites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from app.testing.scripted.model import ScriptedChatModel
from tests.standard.conftest import downloads
from tests.testing.thinker import thought

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

__all__ = ["downloads"]


class TestScriptedUnit(ChatModelUnitTests):
    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        """LangChain's standard parameters but for a key: it takes none."""
        params = super().standard_chat_model_params
        return {name: value for name, value in params.items() if name != "api_key"}

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScriptedChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"answers": thought}


@pytest.mark.filterwarnings(
    "ignore:Benchmark fixture was not used:pytest_benchmark.logger.PytestBenchmarkWarning"
)
class TestScriptedIntegration(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _downloads_stay_here(self, downloads: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in downloads.items():
            monkeypatch.setenv(name, value)

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ScriptedChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"answers": thought}

    @property
    def model_override_value(self) -> str:
        return "another-model"

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

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True
