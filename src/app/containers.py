"""The composition root: how the parts are joined. Every attribute is a seam that one line replaces."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from app.folders import LAST_RESORTS, FolderAssigner, FolderPolicy, ways_to_ask
from app.llm import parts
from app.llm.byok.health.memory import InMemoryKeyHealth
from app.llm.byok.resolver import BYOKResolver
from app.llm.clients.guard.judging import Guard
from app.llm.clients.transport import Transport
from app.llm.clock import SystemClock
from app.llm.providers.launching import Launchers
from app.llm.routing import RoutingTables
from app.llm.running.hedging import Hedging
from app.llm.service import LLMService
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.callbacks import BaseCallbackHandler


def no_callbacks(feature: str) -> Sequence[BaseCallbackHandler]:
    """Return the callbacks of a feature: none. A product puts its tracer here."""
    del feature
    return ()


def lasting(make: Callable[..., Any], *made_of: providers.Provider[Any]) -> providers.Provider[Any]:
    """Return a provider of one lasting object, that sees when one of its parts is overridden."""
    return providers.Callable(
        parts.Remembered.get, providers.ThreadSafeSingleton(parts.Remembered, make), *made_of
    )


class Container(containers.DeclarativeContainer):
    """Pointsman, joined. Override instances, never this class: `Container(client_cache=fake)`.

    What lasts (settings, catalog, connections) is made once; services are made anew at each call, so that an
    override is seen whenever it comes.
    """

    settings = providers.ThreadSafeSingleton(Settings)
    endpoint_guard = lasting(Guard.of, settings)
    transport = lasting(Transport, endpoint_guard)
    launchers = providers.ThreadSafeSingleton(Launchers)
    provider_registry = lasting(parts.guarded_registry, settings, transport, launchers, endpoint_guard)
    last_resorts = providers.Object(LAST_RESORTS)
    profile_repository = lasting(parts.toml_repository, settings, provider_registry, last_resorts)
    byok_resolver = providers.ThreadSafeSingleton(BYOKResolver)
    client_cache = lasting(parts.bounded_cache, settings, provider_registry)
    routing_tables = providers.ThreadSafeSingleton(RoutingTables)
    callbacks = providers.Object(no_callbacks)
    enrolled_keys = lasting(parts.sql_store, settings)
    enrolled_states = lasting(parts.states_of, enrolled_keys)
    enrolment = lasting(parts.policy_over, settings, enrolled_states, profile_repository)
    byok_entry = lasting(parts.way_in, settings, profile_repository, enrolment)
    key_health = providers.ThreadSafeSingleton(InMemoryKeyHealth)
    clock = providers.ThreadSafeSingleton(SystemClock)
    circuits = lasting(parts.circuits_of, settings, clock)
    rates = lasting(parts.rates_of, settings, clock)
    call_observers = providers.Object(())
    call_teller = lasting(parts.teller_of, call_observers)
    hedging = lasting(Hedging, clock)
    plan_runner = lasting(parts.runner_of, clock, circuits, rates, key_health, call_teller, hedging)
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
        plan_runner=plan_runner,
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
    container.circuits().close()
    container.rates().close()
    container.hedging().close()
    for optional in (container.call_teller(), container.enrolled_states()):
        if optional is not None:
            optional.close()
