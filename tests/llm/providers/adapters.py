"""The three adapters with what a test needs to call them over a real transport."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage

from app.llm.clients.spec import ClientSpec, Credential, Grant, origin_of
from app.llm.providers.anthropic import AnthropicAdapter
from app.llm.providers.gemini import GeminiAdapter
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

    from app.errors import PointsmanError
    from app.llm.catalog.options import OptionValue
    from app.llm.clients.transport import Transport
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

    def ask(self, secret: str | None = SECRET, **wishes: Any) -> AIMessage:
        """Ask, from a thread."""
        with self.arguments(secret) as arguments:
            return self.model.invoke(QUESTION, **wishes, **arguments)

    async def aask(self, secret: str | None = SECRET, **wishes: Any) -> AIMessage:
        """Ask, in an event loop."""
        with self.arguments(secret) as arguments:
            return await self.model.ainvoke(QUESTION, **wishes, **arguments)

    def stream(self) -> Iterator[AIMessageChunk]:
        """Ask for a stream, from a thread."""
        with self.arguments() as arguments:
            yield from self.model.stream(QUESTION, **arguments)

    async def astream(self) -> AsyncIterator[AIMessageChunk]:
        """Ask for a stream, in an event loop."""
        with self.arguments() as arguments:
            async for chunk in self.model.astream(QUESTION, **arguments):
                yield chunk


def caller(adapter: ProtocolAdapter, origin: str, transport: Transport, **options: OptionValue) -> Caller:
    """Return a client of an adapter for a local server."""
    return caller_of(spec_for(adapter, origin, **options), adapter, transport)


def caller_of(spec: ClientSpec, adapter: ProtocolAdapter, transport: Transport) -> Caller:
    """Return the client of a spec."""
    return Caller(adapter, spec, transport, adapter.build(spec, spec.base_url, transport))


@contextmanager
def raises_our_own(kind: type[PointsmanError], match: str) -> Iterator[None]:
    """Expect one of our errors, bare or as the cause of an SDK's (anthropic wraps every error)."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
        yield
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    assert error is not None, f"{kind.__name__} is not among the causes of {caught.value!r}"
    assert re.search(match, str(error))
