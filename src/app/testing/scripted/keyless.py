"""Parts that plan as the real ones do, without any key of the platform and without a way out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.providers.calls import CallRenderer, renderer_of
from app.llm.providers.launching import Launchers
from app.llm.providers.registry import ProviderRegistry, base_url_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.catalog.model import Catalog
    from app.llm.catalog.options import Honoured, OptionValue
    from app.llm.clients.spec import AuthScheme, ClientSpec
    from app.llm.clients.transport import Transport
    from app.llm.providers.calls import AnswerFormat, ToolUse
    from app.llm.providers.protocol import ProtocolAdapter
    from app.settings import Settings

NOWHERE = "https://scripted.invalid"
"""The address of a provider whose row has none: nobody is ever asked there."""


def keyless(settings: Settings, catalog: Catalog) -> Settings:
    """Return the settings with a marker in place of each key of the platform, given or not."""
    variables = dict(settings.variables)
    marker = SecretStr(KEY_IS_ATTACHED_BY_THE_TRANSPORT)
    for provider in catalog.providers.values():
        if provider.row.key_env:
            variables[provider.row.key_env] = marker
        if not provider.row.base_url:
            variables.setdefault(base_url_variable(provider.name), SecretStr(NOWHERE))
    return settings.model_copy(update={"variables": variables})


class PlainArguments:
    """An adapter whose calls carry their wishes by our own names, for a script to note, and no ticket."""

    def __init__(self, adapter: ProtocolAdapter) -> None:
        self._adapter = adapter

    @property
    def name(self) -> str:
        """The protocol's name."""
        return self._adapter.name

    @property
    def auth(self) -> AuthScheme:
        """How this protocol carries a key."""
        return self._adapter.auth

    @property
    def honours(self) -> Honoured:
        """The typed options that it can render."""
        return self._adapter.honours

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return the real adapter's model."""
        return self._adapter.build(spec, base_url, transport)

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the cache key and the time left, in seconds, where there are any."""
        del ticket
        given = {"cache_key": cache_key, "timeout_s": timeout_s}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def calls(self) -> CallRenderer:
        """How a script is told what a call wishes."""
        return NotedCalls(renderer_of(self._adapter))


class NotedCalls(CallRenderer):
    """A renderer that refuses what the real one refuses, and says the rest by our own names."""

    def __init__(self, real: CallRenderer) -> None:
        self._real = real
        self.own, self.idle = real.own, real.idle

    def answer_format(self, spec: ClientSpec, wished: AnswerFormat) -> dict[str, Any]:
        """Return the form of the answer: its JSON schema, if it has one."""
        self._real.answer_format(spec, wished)
        return {"response_format": {"type": wished.kind, "json_schema": wished.schema}}

    def tool_use(self, spec: ClientSpec, use: ToolUse, options: Mapping[str, OptionValue]) -> dict[str, Any]:
        """Return which tool has to be called: any of those that may be."""
        self._real.tool_use(spec, use, options)
        some = isinstance(use.choice, tuple) and len(use.choice) > 1
        return super().tool_use(spec, replace(use, choice="any") if some else use, options)

    def knows(self, tool: Mapping[str, Any]) -> bool:
        """Whether the provider has a tool of its own that is described so."""
        return self._real.knows(tool)


class ScriptedRegistry(ProviderRegistry):
    """A registry that launches nothing."""

    def base_url(self, spec: ClientSpec) -> str:
        """Return the endpoint's address, also of one that would have to be launched."""
        return spec.base_url or NOWHERE


def scripted_registry(real: ProviderRegistry, settings: Settings, transport: Transport) -> ScriptedRegistry:
    """Return a registry that knows the same protocols as a real one."""
    adapters = {name: PlainArguments(real.adapter(name)) for name in real.honours}
    return ScriptedRegistry(settings, transport, Launchers(), adapters)
