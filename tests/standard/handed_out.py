"""What LangChain's suites take for a chat model's class: it makes models as a product gets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.containers import Container, close
from app.llm.catalog.repository import InMemoryProfileRepository
from app.llm.routed_model import RoutedChatModel
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.language_models.chat_models import BaseChatModel

FEATURE = "assistant"
MODEL = "some-model"
OTHER_MODEL = "some-other-model"
OTHER_PROFILE = "thrifty"


@dataclass
class HandedOut:
    """Calling it lays out a catalog with the given parameters, and returns what `get_llm` hands out of it.

    `protocol` is the provider's wire protocol, `provider` its name.
    """

    protocol: str
    provider: str
    containers: list[Any] = field(default_factory=list)

    # What the suites ask of a class before they make a model of it.
    bind_tools = staticmethod(RoutedChatModel.bind_tools)
    with_structured_output = staticmethod(RoutedChatModel.with_structured_output)
    is_lc_serializable = staticmethod(RoutedChatModel.is_lc_serializable)

    def __call__(  # noqa: PLR0913 - LangChain's standard parameters
        self,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        timeout: float | None = None,
        stop: Sequence[str] = (),
        max_retries: int | None = None,
        streaming: bool = False,
        output_version: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> BaseChatModel:
        """Return a feature's model. A key and a base URL that aren't given come from the environment."""
        given = {
            "temperature": temperature,
            "max_tokens": max_tokens,
            "timeout_s": timeout,
            "stop": tuple(stop) or None,
        }
        options = {name: value for name, value in given.items() if value is not None}
        attempts = None if max_retries is None else max_retries + 1
        container = self._container(self._tables(options, attempts), self._variables(api_key, base_url))
        model: BaseChatModel = container.llm_service().get_llm(FEATURE, streaming=streaming)
        if output_version is not None:
            model.output_version = output_version
        return model

    def close(self) -> None:
        """Close every container that a model came from."""
        for container in self.containers:
            close(container)

    def _container(self, tables: dict[str, Any], variables: dict[str, str]) -> Any:  # noqa: ANN401 - a DynamicContainer
        container: Any = Container(settings=Settings(variables=variables))
        honours = container.provider_registry().honours
        container.profile_repository.override(InMemoryProfileRepository(tables, honours))
        self.containers.append(container)
        return container

    def _variables(self, api_key: str | None, base_url: str | None) -> dict[str, str]:
        given = {"API_KEY": api_key, "BASE_URL": base_url}
        return {
            f"{self.provider.upper()}_{name}": value for name, value in given.items() if value is not None
        }

    def _tables(self, options: dict[str, Any], attempts: int | None) -> dict[str, Any]:
        needs = ["tools", "structured_output", "streaming", "usage"]
        feature = {"about": "Help a user", "needs": needs} | ({"attempts": attempts} if attempts else {})
        provider = {
            "protocol": self.protocol,
            "base_url": "https://provider.example",
            "key_env": f"{self.provider.upper()}_API_KEY",
        }
        route = {"provider": self.provider, "options": options}
        return {
            "features": {FEATURE: feature},
            "providers": {self.provider: provider},
            "profiles": {
                "premium": {"routes": {FEATURE: {**route, "model": MODEL}}},
                OTHER_PROFILE: {"routes": {FEATURE: {**route, "model": OTHER_MODEL}}},
            },
        }
