"""Adapters that misbehave, each in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from tests.testing.plain import HONOURED, PlainAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.catalog.options import Honoured
    from app.llm.clients.spec import ClientSpec
    from app.llm.clients.transport import Transport


class IgnoresAnOption(PlainAdapter):
    """Says that it honours an option, and drops it."""

    honours: Honoured = dict.fromkeys((*HONOURED, "top_p"))

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        model: Any = super().build(spec, base_url, transport)
        model.settings.pop("top_p", None)
        return model  # type: ignore[no-any-return]


class TakesEveryOption(PlainAdapter):
    """Takes options that it doesn't honour."""

    def judge(self, options: Mapping[str, object]) -> None:
        """Judge nothing."""


class FailsWithAnOption(PlainAdapter):
    """Builds clients that fail, if there is a limit of tokens."""

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        model: Any = super().build(spec, base_url, transport)
        model.url = "no address" if "max_tokens" in model.settings else model.url
        return model  # type: ignore[no-any-return]


class HonoursTheUnknown(PlainAdapter):
    """Says that it honours an option that there isn't."""

    honours: Honoured = dict.fromkeys((*HONOURED, "mood"))


class BuildsDifferently(PlainAdapter):
    """Builds each client a little different."""

    built = 0

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        model: Any = super().build(spec, base_url, transport)
        type(self).built += 1
        model.settings["number"] = self.built
        return model  # type: ignore[no-any-return]


class AsksWhenBuilt(PlainAdapter):
    """Asks the provider for its models when a client is built."""

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        httpx2.get(f"{base_url}/models", trust_env=False)
        return super().build(spec, base_url, transport)


class IgnoresTheTimeLeft(PlainAdapter):
    """Ignores how much time is left to a call."""

    def request_arguments(self, ticket: str, **wishes: Any) -> dict[str, Any]:
        return super().request_arguments(ticket, cache_key=wishes.get("cache_key"))


class DropsTheCacheKey(PlainAdapter):
    """Drops the cache key."""

    def request_arguments(self, ticket: str, **wishes: Any) -> dict[str, Any]:
        return super().request_arguments(ticket, timeout_s=wishes.get("timeout_s"))


class FailsToBuild(PlainAdapter):
    """Can't build a client."""

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        raise RuntimeError("no client today")
