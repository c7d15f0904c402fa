"""The Anthropic adapter under LangChain's standard suites."""

from __future__ import annotations

from tests.standard.providers import ANTHROPIC_KEY
from tests.standard.suites import Adapter, IntegrationSuite, UnitSuite


class Anthropic(Adapter):
    protocol, provider, key = "anthropic", "anthropic", ANTHROPIC_KEY


class TestAnthropicUnit(Anthropic, UnitSuite):
    pass


class TestAnthropicIntegration(Anthropic, IntegrationSuite):
    """Two tests are skipped: Anthropic's messages know no JSON mode and carry no sound."""

    usage_details = ("cache_read_input", "cache_creation_input")

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True
