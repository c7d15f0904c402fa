"""The Anthropic adapter under LangChain's standard suites."""

from __future__ import annotations

from tests.standard.providers import ANTHROPIC_KEY
from tests.standard.suites import Adapter, IntegrationSuite, UnitSuite


class Anthropic(Adapter):
    protocol, provider, key = "anthropic", "anthropic", ANTHROPIC_KEY


class TestAnthropicUnit(Anthropic, UnitSuite):
    pass


class TestAnthropicIntegration(Anthropic, IntegrationSuite):
    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True
