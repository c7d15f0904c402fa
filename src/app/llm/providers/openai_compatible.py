"""The wire protocol of OpenAI's chat completions, which most providers speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.clients.door import TICKET_HEADER
from app.llm.providers.openai_calls import OpenAICalls
from app.llm.providers.rendering import render

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
    "max_tokens": "max_tokens",
    "seed": "seed",
    "stop": "stop",
    "timeout_s": "request_timeout",
    "reasoning_effort": "reasoning_effort",
    "service_tier": "service_tier",
    "prompt_cache_retention": "prompt_cache_retention",
}
"""Each option that the protocol can carry, and the ChatOpenAI field or request parameter that carries it."""


class OpenAICompatibleAdapter:
    """The adapter for OpenAI's chat completions, spoken by OpenAI and by all who are compatible."""

    name: str = "openai_compatible"
    auth: AuthScheme = "bearer"
    honours: Honoured = dict.fromkeys(ARGUMENTS)
    calls: CallRenderer = OpenAICalls()

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return a ChatOpenAI for this spec, over the transport. It holds no secret and never retries."""
        from app.llm.providers.openai_chat import build_openai_chat

        return build_openai_chat(spec, base_url, transport, render(spec, ARGUMENTS))

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments of one call."""
        arguments: dict[str, Any] = {"extra_headers": {TICKET_HEADER: ticket}}
        if cache_key is not None:
            arguments["prompt_cache_key"] = cache_key
        if timeout_s is not None:
            arguments["timeout"] = timeout_s
        return arguments
