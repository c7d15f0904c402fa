"""The OpenAI-compatible adapter under LangChain's standard suites."""

from __future__ import annotations

import pytest

from tests.standard.providers import OPENAI_KEY
from tests.standard.suites import Adapter, IntegrationSuite, UnitSuite


class OpenAICompatible(Adapter):
    protocol, provider, key, path = "openai_compatible", "openai", OPENAI_KEY, "/v1"


class TestOpenAICompatibleUnit(OpenAICompatible, UnitSuite):
    pass


# The suite's first document has no name, and one of its schemas is of Pydantic 1: LangChain warns of both.
# The third warning it makes itself, when it dumps an answer that the SDK has parsed already.
@pytest.mark.filterwarnings(
    "ignore:OpenAI may require a filename:UserWarning",
    "ignore:Received a Pydantic BaseModel V1 schema:UserWarning",
    "ignore:Pydantic serializer warnings:UserWarning",
)
class TestOpenAICompatibleIntegration(OpenAICompatible, IntegrationSuite):
    """Two tests are skipped: OpenAI's chat completions take no picture and no document from a tool."""

    usage_details = ("cache_read_input", "reasoning_output")

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True
