"""The routing table in force: one catalog, one active profile, and the plans made from them so far."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from app.errors import PointsmanError, UnknownProfile
from app.llm.explaining import Explanation, explain_plan
from app.llm.forks import renew_in_children
from app.llm.logs import logger
from app.llm.planning import Plan, Planner

if TYPE_CHECKING:
    from app.llm.byok.endpoint import NamedEndpoint
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.byok.scope import RequestScope
    from app.llm.catalog.model import Catalog
    from app.llm.catalog.repository import ProfileRepository
    from app.llm.providers.registry import ProviderRegistry
    from app.llm.running.runner import Runner
    from app.settings import Settings

FALLBACK_PROFILE = "premium"
"""What an unknown profile becomes where the operator has switched strictness off."""
PlanKey = tuple[str, frozenset[str] | None, "NamedEndpoint | None"]
"""Feature, the providers for which a request brought a key (None: no request), the user's own endpoint."""
MOST_ENDPOINT_MODELS = 256
"""How many prototypes of models at users' own endpoints are kept."""


class RoutingTable:
    """Plans of one catalog and one active profile; of a request they depend on who its keys are for."""

    def __init__(
        self, catalog: Catalog, registry: ProviderRegistry, resolver: BYOKResolver, settings: Settings
    ) -> None:
        self.catalog, self._resolver = catalog, resolver
        self.profile = _active_profile(catalog, settings)
        self._planner = Planner(catalog, registry, resolver, self.profile)
        self.models: dict[Any, Any] = {}
        """Prototypes of handed-out models, by what they depend on."""
        self._at_endpoints: deque[Any] = deque()
        self._plans: dict[PlanKey, Plan] = {}
        self._relevant: dict[str, frozenset[str]] = {}

    def key(self, feature: str, scope: RequestScope | None) -> PlanKey:
        """Return all that a feature's plan depends on: whose keys this request brought, and which endpoint.

        :raises UnknownProvider: the scope holds a key for a provider that nobody declared.
        """
        if scope is None:
            return feature, None, None
        relevant = self._relevant.get(feature)
        if relevant is None:
            relevant = self._relevant[feature] = self._providers_of_interest(feature)
        sent, endpoint = scope.providers, scope.endpoint
        for stranger in sent - relevant:
            self.catalog.provider(stranger)
        return feature, sent & relevant, None if endpoint is None else endpoint.named

    def plan(self, key: PlanKey) -> Plan:
        """Return the plan for a key of this table, made once; at a user's own endpoint, made anew each time.

        :raises UnknownFeature: nobody declared this feature.
        """
        plan = self._plans.get(key)
        if plan is None:
            name, keys, endpoint = key
            plan = self._planner.plan(self.catalog.feature(name), keys, endpoint)
            if endpoint is None:
                self._plans[key] = plan
        return plan

    def keep(self, key: PlanKey, parts: tuple[object, ...], prototype: object) -> None:
        """Keep a prototype; of those at users' own endpoints, of which there is no end, the latest ones."""
        whole = (key, *parts)
        self.models[whole] = prototype
        if key[2] is not None:
            self._at_endpoints.append(whole)
            if len(self._at_endpoints) > MOST_ENDPOINT_MODELS:
                self.models.pop(self._at_endpoints.popleft(), None)

    def explain(
        self, feature: str, scope: RequestScope | None, cache_key: str | None, runner: Runner
    ) -> Explanation:
        """Return where a call would go; what `get_llm` would raise is part of the answer."""
        try:
            return explain_plan(self.catalog, self.plan(self.key(feature, scope)), runner, cache_key)
        except PointsmanError as error:
            return Explanation(feature, self.profile, error=error)

    def _providers_of_interest(self, feature: str) -> frozenset[str]:
        """Return the providers whose user keys can change this plan."""
        return self._resolver.key_holders(self.catalog, self.catalog.feature(feature), self.profile)


class RoutingTables:
    """Keeps the table that was made last. Other parts (an overridden repository, say) mean another table."""

    def __init__(self) -> None:
        self._parts: tuple[object, ...] = ()
        self._table: RoutingTable | None = None
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        """Free the lock, which in a forked child a thread of the parent may hold for ever."""
        self._lock = threading.Lock()

    def table(
        self,
        repository: ProfileRepository,
        registry: ProviderRegistry,
        resolver: BYOKResolver,
        settings: Settings,
    ) -> RoutingTable:
        """Return the table of these parts; making it logs the active profile and a line a feature.

        :raises CatalogError: the catalog doesn't compile.
        :raises UnknownProfile: the active profile isn't one of the catalog's.
        """
        parts = (repository, registry, resolver, settings)
        with self._lock:
            if self._table is None or any(a is not b for a, b in zip(parts, self._parts, strict=True)):
                self._table = RoutingTable(repository.catalog(), registry, resolver, settings)
                self._parts = parts
                _log(self._table)
            return self._table


def _active_profile(catalog: Catalog, settings: Settings) -> str:
    try:
        return catalog.profile(settings.model_qos).name
    except UnknownProfile as error:
        if settings.strict:
            raise
        logger().warning("profile_unknown", problem=str(error), used_instead=FALLBACK_PROFILE)
        return catalog.profile(FALLBACK_PROFILE).name


def _log(table: RoutingTable) -> None:
    log = logger()
    log.info("profile_active", profile=table.profile, features=len(table.catalog.features))
    unavailable = table.catalog.profile(table.profile).unavailable
    for feature in sorted(table.catalog.features):
        if feature in unavailable and feature not in table.catalog.pinned:
            log.info("route", feature=feature, unavailable=unavailable[feature])
        else:
            log.info("route", feature=feature, route=table.catalog.route(feature, table.profile).target)
