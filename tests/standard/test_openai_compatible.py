"""The OpenAI-compatible adapter under LangChain's standard suites."""

from __future__ import annotations

import pytest

from tests.standard.providers import OPENAI_KEY
from tests.standard.suites import Adapter, IntegrationSuite, UnitSuite


class OpenAICompatible(Adapter):
    protocol, provider, key, path = "openai_compatible", "openai", OPENAI_KEY, "/v1"


class TestOpenAICompatibleUnit(OpenAICompatible, UnitSuite):
    pass


@pytest.mark.filterwarnings("ignore:OpenAI may require a filename:UserWarning")  # the suite's first document has none
class TestOpenAICompatibleIntegration(OpenAICompatible, IntegrationSuite):
    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True
