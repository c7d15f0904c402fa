"""The parts of a container that last, and how each is made of the settings and of other parts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from app.llm.byok.enrolment.fingerprints import Peppers
from app.llm.byok.enrolment.policy import Enrolment
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.states import EnrolledStates
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.headers import KeyHeaders, key_holders
from app.llm.catalog.repository import TomlProfileRepository
from app.llm.circuits.memory import InMemoryCircuits
from app.llm.clients.cache import ClientCache
from app.llm.forks import renew_in_children
from app.llm.providers.registry import ProviderRegistry
from app.llm.rates.memory import InMemoryRates
from app.llm.running.gates import Gates
from app.llm.running.runner import Runner
from app.llm.telling import Tellers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from app.llm.byok.enrolment.store import EnrolledKeys
    from app.llm.byok.health.conditions import KeyHealth
    from app.llm.catalog.repository import ProfileRepository
    from app.llm.circuits.port import Circuits
    from app.llm.clients.guard.judging import Guard
    from app.llm.clients.transport import Transport
    from app.llm.clock import Clock
    from app.llm.providers.launching import Launchers
    from app.llm.rates.port import Rates
    from app.llm.running.hedging import Hedging
    from app.llm.running.record import CallRecord
    from app.settings import Settings


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


def toml_repository(
    settings: Settings, registry: ProviderRegistry, last_resorts: Mapping[str, Collection[str]]
) -> TomlProfileRepository:
    """Return the repository of the shipped catalog and the operator's own.

    `last_resorts` are the names of what each feature can do without a model.
    """
    return TomlProfileRepository(
        registry.honours,
        directory=settings.catalog,
        mode=settings.catalog_mode,
        reroutes=settings.reroute,
        last_resorts=last_resorts,
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


def circuits_of(settings: Settings, clock: Clock) -> Circuits:
    """Return the circuits of this process, shared with others over Redis if the settings name one."""
    if settings.redis_url is None:
        return InMemoryCircuits(clock)
    from app.llm.circuits.exchanging import RedisExchange
    from app.llm.circuits.redis import SharedCircuits

    return SharedCircuits(RedisExchange(settings.redis_url), clock)


def rates_of(settings: Settings, clock: Clock) -> Rates:
    """Return the client-side rate limits of this process, shared over Redis if the settings name one."""
    if settings.redis_url is None:
        return InMemoryRates(clock)
    from app.llm.rates.redis import SharedRates

    return SharedRates(settings.redis_url, clock)


def teller_of(observers: Sequence[Callable[[CallRecord], object]]) -> Tellers[CallRecord] | None:
    """Return what tells observers of each call that has ended, in threads of their own (R16)."""
    return Tellers(observers) if observers else None


def runner_of(  # noqa: PLR0913, PLR0917 - one argument a part
    clock: Clock,
    circuits: Circuits,
    rates: Rates,
    health: KeyHealth,
    teller: Tellers[CallRecord] | None,
    hedging: Hedging,
) -> Runner:
    """Return what plans are run with."""
    tell = None if teller is None else teller.tell
    return Runner(clock, Gates(clock, circuits, rates), health, tell, hedging=hedging)


def way_in(settings: Settings, repository: ProfileRepository, policy: Enrolment | None) -> BYOKEntry:
    """Return the way in for users' keys, as the settings want it."""
    parser = KeyHeaders(
        lambda: key_holders(repository.catalog()),
        bad=settings.byok_bad_headers,
        endpoints=settings.user_endpoints,
    )
    return BYOKEntry(parser, policy)
