"""The wire protocol of Gemini's generateContent, at AI Studio and at Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.clients.door import TICKET_HEADER
from app.llm.providers.gemini_calls import GeminiCalls
from app.llm.providers.rendering import refuse_cache_key, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.catalog.options import Honoured
    from app.llm.clients.spec import AuthScheme, ClientSpec
    from app.llm.clients.transport import Transport
    from app.llm.providers.calls import CallRenderer

ARGUMENTS: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_output_tokens",
    "seed": "seed",
    "stop": "stop",
    "timeout_s": "timeout",
    "thinking_budget": "thinking_budget",
    "thinking_level": "reasoning_effort",
}
"""Each option that the protocol can carry, and the ChatGoogleGenerativeAI field that carries it."""


class GeminiAdapter:
    """The adapter for Gemini's own protocol. A spec with a Vertex project goes to Vertex AI."""

    name: str = "gemini"
    auth: AuthScheme = "x-goog-api-key"
    honours: Honoured = dict.fromkeys(ARGUMENTS)
    calls: CallRenderer = GeminiCalls()

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return a ChatGoogleGenerativeAI for this spec. It holds no secret and never retries."""
        from app.llm.providers.gemini_chat import build_gemini_chat

        return build_gemini_chat(spec, base_url, transport, render(spec, ARGUMENTS))

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments of one call. Raises ConfigurationError for a cache key."""
        refuse_cache_key(self.name, cache_key)
        options: dict[str, Any] = {"headers": {TICKET_HEADER: ticket}}
        if timeout_s is not None:
            options["timeout"] = round(timeout_s * 1000)  # the SDK counts in milliseconds
        return {"http_options": options}
