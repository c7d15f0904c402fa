"""The wire protocol of Anthropic's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.clients.door import TICKET_HEADER
from app.llm.providers.anthropic_calls import AnthropicCalls, thinking
from app.llm.providers.rendering import refuse_cache_key, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.catalog.options import Honoured, OptionValue
    from app.llm.clients.spec import AuthScheme, ClientSpec
    from app.llm.clients.transport import Transport
    from app.llm.providers.calls import CallRenderer

ARGUMENTS: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "stop": "stop_sequences",
    "timeout_s": "default_request_timeout",
    "reasoning_effort": "reasoning_effort",
    "thinking_budget": "thinking",
}
"""Each option that the protocol can carry, and the ChatAnthropic field that carries it."""

EFFORTS: Final[frozenset[OptionValue]] = frozenset({"low", "medium", "high", "xhigh"})
"""The values of `reasoning_effort` that Anthropic knows."""


class AnthropicAdapter:
    """The adapter for Anthropic's messages."""

    name: str = "anthropic"
    auth: AuthScheme = "x-api-key"
    honours: Honoured = dict.fromkeys(ARGUMENTS) | {"reasoning_effort": EFFORTS}
    calls: CallRenderer = AnthropicCalls()

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return a ChatAnthropic for this spec, over the transport. It holds no secret and never retries."""
        from app.llm.providers.anthropic_chat import build_anthropic_chat

        arguments = render(spec, ARGUMENTS)
        if "thinking" in arguments:
            arguments["thinking"] = thinking(arguments["thinking"])
        return build_anthropic_chat(spec, base_url, transport, arguments)

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments of one call. Raises ConfigurationError for a cache key."""
        refuse_cache_key(self.name, cache_key)
        arguments: dict[str, Any] = {"extra_headers": {TICKET_HEADER: ticket}}
        if timeout_s is not None:
            arguments["timeout"] = timeout_s
        return arguments
