"""The composition root: how the parts are joined. Every attribute is a seam that one line replaces."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from app.folders import FolderAssigner, FolderPolicy, ways_to_ask
from app.llm.byok.enrolment.fingerprints import Peppers
from app.llm.byok.enrolment.policy import Enrolment
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.states import EnrolledStates
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.headers import KeyHeaders, key_holders
from app.llm.byok.health.memory import InMemoryKeyHealth
from app.llm.byok.resolver import BYOKResolver
from app.llm.catalog.repository import TomlProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.forks import renew_in_children
from app.llm.clients.guard.judging import Guard
from app.llm.clients.transport import Transport
from app.llm.providers.launching import Launchers
from app.llm.providers.registry import ProviderRegistry
from app.llm.routing import RoutingTables
from app.llm.service import LLMService
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.callbacks import BaseCallbackHandler

    from app.llm.byok.enrolment.store import EnrolledKeys
    from app.llm.catalog.repository import ProfileRepository


def no_callbacks(feature: str) -> Sequence[BaseCallbackHandler]:
    """Return the callbacks of a feature: none. A product puts its tracer here."""
    del feature
    return ()


class Remembered:
    """Keeps what was made last, and makes another when one of its parts is another one.

    A plain singleton would keep parts that were overridden after it was built.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._last: tuple[tuple[int, ...], Any, tuple[object, ...]] = ((), None, ())
        self.renew()
        renew_in_children(self)

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

    def renew(self) -> None:
        """Free the lock, which in a forked child a thread of the parent may hold for ever."""
        self._lock = threading.Lock()


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


def guarded_registry(
    settings: Settings, transport: Transport, launchers: Launchers, guard: Guard
) -> ProviderRegistry:
    """Return the registry of all installed protocols, with the guard that the transport has."""
    return ProviderRegistry(settings, transport, launchers, guard=guard)


def bounded_cache(settings: Settings, registry: ProviderRegistry) -> ClientCache:
    """Return the client cache with the bounds that the settings give."""
    return ClientCache(registry.build, limit=settings.user_client_limit, ttl_s=settings.user_client_ttl_s)


def sql_store(settings: Settings) -> EnrolledKeys | None:
    """Return the store of enrolled keys that the settings name; None: sent keys needn't be enrolled."""
    return SqlEnrolledKeys(settings.byok_database_url) if settings.byok_database_url else None


def states_of(store: EnrolledKeys | None) -> EnrolledStates | None:
    """Return what is known of a store's users, if there is a store."""
    return None if store is None else EnrolledStates(store)


def policy_over(
    settings: Settings, states: EnrolledStates | None, repository: ProfileRepository
) -> Enrolment | None:
    """Return the policy of enrolment, if there is a store."""
    if states is None:
        return None
    if isinstance(states.store, SqlEnrolledKeys):
        states.store.prepare()  # a URL that makes no sense shows when the application is made, not later
    return Enrolment(states, Peppers(settings.byok_peppers), lambda: key_holders(repository.catalog()))


def way_in(settings: Settings, repository: ProfileRepository, policy: Enrolment | None) -> BYOKEntry:
    """Return the way in for users' keys, as the settings want it."""
    parser = KeyHeaders(
        lambda: key_holders(repository.catalog()),
        bad=settings.byok_bad_headers,
        endpoints=settings.user_endpoints,
    )
    return BYOKEntry(parser, policy)


class Container(containers.DeclarativeContainer):
    """Pointsman, joined. Override instances, never this class: `Container(client_cache=fake)`.

    What lasts (settings, catalog, connections) is made once; services are made anew at each call, so that an
    override is seen whenever it comes.
    """

    settings = providers.ThreadSafeSingleton(Settings)
    endpoint_guard = lasting(Guard.of, settings)
    transport = lasting(Transport, endpoint_guard)
    launchers = providers.ThreadSafeSingleton(Launchers)
    provider_registry = lasting(guarded_registry, settings, transport, launchers, endpoint_guard)
    profile_repository = lasting(toml_repository, settings, provider_registry)
    byok_resolver = providers.ThreadSafeSingleton(BYOKResolver)
    client_cache = lasting(bounded_cache, settings, provider_registry)
    routing_tables = providers.ThreadSafeSingleton(RoutingTables)
    callbacks = providers.Object(no_callbacks)
    enrolled_keys = lasting(sql_store, settings)
    enrolled_states = lasting(states_of, enrolled_keys)
    enrolment = lasting(policy_over, settings, enrolled_states, profile_repository)
    byok_entry = lasting(way_in, settings, profile_repository, enrolment)
    key_health = providers.ThreadSafeSingleton(InMemoryKeyHealth)
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
        key_health=key_health,
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
    container.key_health().close()
    states = container.enrolled_states()
    if states is not None:
        states.close()
