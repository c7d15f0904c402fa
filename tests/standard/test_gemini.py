"""The Gemini adapter under LangChain's standard suites."""

from __future__ import annotations

from tests.standard.providers import GEMINI_KEY
from tests.standard.suites import Adapter, IntegrationSuite, UnitSuite


class Gemini(Adapter):
    protocol, provider, key = "gemini", "gemini", GEMINI_KEY


class TestGeminiUnit(Gemini, UnitSuite):
    pass


class TestGeminiIntegration(Gemini, IntegrationSuite):
    """No test is skipped."""

    usage_details = ("cache_read_input", "reasoning_output")

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True
