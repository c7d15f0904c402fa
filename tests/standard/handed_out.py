"""What LangChain's suites take for a chat model's class: it makes models as a product gets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from app.containers import Container, close
from app.llm.catalog.repository import InMemoryProfileRepository
from app.llm.routed_model import RoutedChatModel
from app.settings import Settings
from tests.llm.clocks import Sleepless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.language_models.chat_models import BaseChatModel


class FailingHop(NamedTuple):
    """A provider that fails, and where: its protocol, its name, and its base URL."""

    protocol: str
    provider: str
    base_url: str


FEATURE = "assistant"
MODEL = "some-model"
OTHER_MODEL = "some-other-model"
OTHER_PROFILE = "thrifty"


@dataclass
class HandedOut:
    """Calling it lays out a catalog with the given parameters, and returns what `get_llm` hands out of it.

    `protocol` is the provider's wire protocol, `provider` its name. The hops of the plan `before` it fail;
    `circuit` is what is said of every provider's.
    """

    protocol: str
    provider: str
    before: tuple[FailingHop, ...] = ()
    circuit: Any = "off"
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
        attempts = None if max_retries is None else (max_retries + 1) * (1 + len(self.before))
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
        settings = Settings(variables=variables | self.variables_before)
        container: Any = Container(settings=settings, clock=Sleepless())
        honours = container.provider_registry().honours
        container.profile_repository.override(InMemoryProfileRepository(tables, honours))
        self.containers.append(container)
        return container

    @property
    def variables_before(self) -> dict[str, str]:
        """The environment of the hops that fail."""
        keys = {f"{hop.provider.upper()}_API_KEY": f"key-of-{hop.provider}" for hop in self.before}
        return keys | {f"{hop.provider.upper()}_BASE_URL": hop.base_url for hop in self.before}

    @property
    def first(self) -> str:
        """The provider of the plan's first hop."""
        return self.before[0].provider if self.before else self.provider

    def _variables(self, api_key: str | None, base_url: str | None) -> dict[str, str]:
        given = {"API_KEY": api_key, "BASE_URL": base_url}
        return {
            f"{self.provider.upper()}_{name}": value for name, value in given.items() if value is not None
        }

    def _tables(self, options: dict[str, Any], attempts: int | None) -> dict[str, Any]:
        needs = ["tools", "structured_output", "streaming", "usage"]
        feature = {"about": "Help a user", "needs": needs} | ({"attempts": attempts} if attempts else {})
        protocols = {hop.provider: hop.protocol for hop in self.before} | {self.provider: self.protocol}
        providers = {
            name: {
                "protocol": protocol,
                "base_url": "https://provider.example",
                "key_env": f"{name.upper()}_API_KEY",
                "circuit": self.circuit,
            }
            for name, protocol in protocols.items()
        }
        return {
            "features": {FEATURE: feature},
            "providers": providers,
            "profiles": {
                "premium": {"routes": {FEATURE: self._route(MODEL, options)}},
                OTHER_PROFILE: {"routes": {FEATURE: self._route(OTHER_MODEL, options)}},
            },
        }

    def _route(self, model: str, options: dict[str, Any]) -> dict[str, Any]:
        """Return the route through all hops, each with the same model's name and the same options."""
        names = [*(hop.provider for hop in self.before), self.provider]
        first, *others = ({"provider": name, "model": model, "options": options} for name in names)
        return {**first, "fallbacks": others}
