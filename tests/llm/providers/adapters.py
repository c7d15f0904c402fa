"""The three adapters with what a test needs to call them over a real transport."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import HumanMessage

from app.llm.clients.spec import ClientSpec, Credential, Grant, origin_of
from app.llm.clients.transport import Transport
from app.llm.providers.anthropic import AnthropicAdapter
from app.llm.providers.gemini import GeminiAdapter
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult

    from app.llm.catalog.options import OptionValue
    from app.llm.providers.protocol import ProtocolAdapter

SECRET = "sk-the-real-key"
QUESTION: list[BaseMessage] = [HumanMessage("Where does this belong?")]
PATHS = {"openai_compatible": "/v1", "gemini": "", "anthropic": ""}


def adapters() -> list[ProtocolAdapter]:
    """Return one adapter of each protocol."""
    return [OpenAICompatibleAdapter(), GeminiAdapter(), AnthropicAdapter()]


def spec_for(adapter: ProtocolAdapter, origin: str, **options: OptionValue) -> ClientSpec:
    """Return a platform client's spec for a local server."""
    return ClientSpec(
        protocol=adapter.name,
        provider="acme",
        base_url=origin + PATHS.get(adapter.name, ""),
        model="some-model",
        payer="platform",
        auth=adapter.auth,
        options=tuple(sorted(options.items())),
        supports=frozenset({"usage"}),
    )


def credential(secret: str = SECRET) -> Credential:
    """Return the platform's credential with this secret."""
    return Credential("acme", "platform", "ACME_API_KEY", lambda: secret)


@dataclass(frozen=True)
class Caller:
    """A client that an adapter built, and the transport beneath it."""

    adapter: ProtocolAdapter
    spec: ClientSpec
    transport: Transport
    model: BaseChatModel

    def grant(self, secret: str | None = SECRET) -> Grant:
        """Return leave to call this client's endpoint; None: without a key."""
        return Grant(credential(secret) if secret else None, origin_of(self.spec.base_url), self.spec.auth)

    @contextmanager
    def arguments(self, secret: str | None = SECRET) -> Iterator[dict[str, Any]]:
        """Yield the arguments of a call under a ticket."""
        with self.transport.ticket(self.grant(secret)) as ticket:
            yield self.adapter.request_arguments(ticket)

    def generate(self, secret: str | None = SECRET, **wishes: Any) -> ChatResult:
        """Ask, from a thread."""
        with self.arguments(secret) as arguments:
            return self.model._generate(QUESTION, **wishes, **arguments)

    async def agenerate(self, secret: str | None = SECRET, **wishes: Any) -> ChatResult:
        """Ask, in an event loop."""
        with self.arguments(secret) as arguments:
            return await self.model._agenerate(QUESTION, **wishes, **arguments)

    def stream(self) -> Iterator[str]:
        """Ask for a stream, from a thread."""
        with self.arguments() as arguments:
            for chunk in self.model._stream(QUESTION, **arguments):
                yield chunk.text

    async def astream(self) -> AsyncIterator[str]:
        """Ask for a stream, in an event loop."""
        with self.arguments() as arguments:
            async for chunk in self.model._astream(QUESTION, **arguments):
                yield chunk.text


def caller(
    adapter: ProtocolAdapter, origin: str, transport: Transport, spec: ClientSpec | None = None, **options: OptionValue
) -> Caller:
    """Return a client of an adapter for a local server, or for a spec of the test's own."""
    spec = spec or spec_for(adapter, origin, **options)
    return Caller(adapter, spec, transport, adapter.build(spec, spec.base_url, transport))


def with_supports(spec: ClientSpec, *abilities: str) -> ClientSpec:
    """Return the spec with more abilities."""
    return replace(spec, supports=spec.supports | set(abilities))
