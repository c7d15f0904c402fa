"""The composition root: how the parts are joined. Every attribute is a seam that one line replaces."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from app.folders import FolderAssigner, FolderPolicy, ways_to_ask
from app.llm.byok.resolver import BYOKResolver
from app.llm.catalog.repository import TomlProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.transport import Transport
from app.llm.providers.launching import Launchers
from app.llm.providers.registry import ProviderRegistry
from app.llm.routing import RoutingTables
from app.llm.service import LLMService
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.callbacks import BaseCallbackHandler


def no_callbacks(feature: str) -> Sequence[BaseCallbackHandler]:
    """Return the callbacks of a feature: none. A product puts its tracer here."""
    del feature
    return ()


class Remembered:
    """Keeps what was made last, and makes another when one of its parts is another one.

    A plain singleton would keep parts that were overridden after it was built.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._last: tuple[tuple[int, ...], Any, tuple[object, ...]] = ((), None, ())

    def get(self, *parts: object) -> Any:  # noqa: ANN401 - whatever `make` returns
        """Return the one made of these very parts (they are kept, so that no identity is used again)."""
        identities = tuple(map(id, parts))
        last = self._last
        if last[0] != identities:
            with self._lock:
                if self._last[0] != identities:
                    self._last = (identities, self._make(*parts), parts)
                last = self._last
        return last[1]


def lasting(make: Callable[..., Any], *parts: providers.Provider[Any]) -> providers.Provider[Any]:
    """Return a provider of one lasting object, that sees when one of its parts is overridden."""
    return providers.Callable(Remembered.get, providers.ThreadSafeSingleton(Remembered, make), *parts)


def toml_repository(settings: Settings, registry: ProviderRegistry) -> TomlProfileRepository:
    """Return the repository of the shipped catalog and the operator's own."""
    return TomlProfileRepository(
        registry.honours,
        directory=settings.catalog,
        mode=settings.catalog_mode,
        reroutes=settings.reroute,
    )


def bounded_cache(settings: Settings, registry: ProviderRegistry) -> ClientCache:
    """Return the client cache with the bounds that the settings give."""
    return ClientCache(registry.build, limit=settings.user_client_limit, ttl_s=settings.user_client_ttl_s)


class Container(containers.DeclarativeContainer):
    """Pointsman, joined. Override instances, never this class: `Container(client_cache=fake)`.

    What lasts (settings, catalog, connections) is made once; services are made anew at each call, so that an
    override is seen whenever it comes.
    """

    settings = providers.ThreadSafeSingleton(Settings)
    transport = providers.ThreadSafeSingleton(Transport)
    launchers = providers.ThreadSafeSingleton(Launchers)
    provider_registry = lasting(ProviderRegistry, settings, transport, launchers)
    profile_repository = lasting(toml_repository, settings, provider_registry)
    byok_resolver = providers.ThreadSafeSingleton(BYOKResolver)
    client_cache = lasting(bounded_cache, settings, provider_registry)
    routing_tables = providers.ThreadSafeSingleton(RoutingTables)
    callbacks = providers.Object(no_callbacks)
    llm_service = providers.Factory(
        LLMService,
        settings=settings,
        profile_repository=profile_repository,
        provider_registry=provider_registry,
        byok_resolver=byok_resolver,
        client_cache=client_cache,
        transport=transport,
        routing_tables=routing_tables,
        callbacks=callbacks,
    )
    folder_policy = providers.ThreadSafeSingleton(FolderPolicy)
    ways_to_ask = providers.ThreadSafeSingleton(ways_to_ask)
    folder_assigner = providers.Factory(
        FolderAssigner, llm_service=llm_service, policy=folder_policy, askers=ways_to_ask
    )


@contextmanager
def running(container: Any) -> Iterator[Any]:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Yield the container, and close at the end what it has opened: clients, connections, servers."""
    try:
        yield container
    finally:
        close(container)


def close(container: Any) -> None:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Close what a container has opened. Calls under way finish; later ones get ResourceClosed."""
    container.client_cache().close()
    container.transport().close()
    container.launchers().close()
