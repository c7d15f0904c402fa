"""LLMService: a feature's name becomes a chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import FeatureUnavailable
from app.llm.byok.scope import RequestScope, current_scope
from app.llm.coverage import Coverage, coverage_of
from app.llm.providers.probing import PROBE_TIMEOUT_S, Candidate, KeyReport, Prober, routed_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from langchain_core.callbacks import BaseCallbackHandler
    from pydantic import SecretStr

    from app.llm.byok.endpoint import UserEndpoint
    from app.llm.byok.health.conditions import KeyHealth
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.catalog.model import Catalog, Route
    from app.llm.catalog.repository import ProfileRepository
    from app.llm.clients.cache import ClientCache
    from app.llm.clients.transport import Transport
    from app.llm.explaining import Explanation
    from app.llm.planning import Plan
    from app.llm.providers.registry import ProviderRegistry
    from app.llm.routed_model import RoutedChatModel
    from app.llm.routing import PlanKey, RoutingTables
    from app.llm.running.runner import Runner
    from app.settings import Settings


class LLMService:
    """What features ask for models. Cheap to make: all that lasts belongs to the parts it is made of."""

    def __init__(  # noqa: PLR0913 - one argument a seam
        self,
        *,
        settings: Settings,
        profile_repository: ProfileRepository,
        provider_registry: ProviderRegistry,
        byok_resolver: BYOKResolver,
        client_cache: ClientCache,
        transport: Transport,
        routing_tables: RoutingTables,
        callbacks: Callable[[str], Sequence[BaseCallbackHandler]],
        key_health: KeyHealth,
        plan_runner: Runner,
    ) -> None:
        self._table = routing_tables.table(profile_repository, provider_registry, byok_resolver, settings)
        self._registry, self._cache, self._transport = provider_registry, client_cache, transport
        self._callbacks, self._runner = callbacks, plan_runner
        self.key_health = key_health
        """What calls have seen of users' keys: `key_health.of(user_id, provider)`."""

    @property
    def profile(self) -> str:
        """The active profile's name."""
        return self._table.profile

    @property
    def catalog(self) -> Catalog:
        """The checked catalog behind this service."""
        return self._table.catalog

    def get_llm(
        self,
        feature: str,
        *,
        streaming: bool = False,
        cache_key: str | None = None,
        scope: RequestScope | None = None,
    ) -> RoutedChatModel:
        """Return the chat model of a feature, for the given scope, else the ambient one, else the platform.

        Nobody is asked and nothing is opened. `cache_key` groups prompts for the provider's prompt cache
        where it has one; `streaming` makes `invoke` stream under the hood, for callbacks that want tokens.

        :raises UnknownFeature: nobody declared this feature.
        :raises FeatureUnavailable: the active profile can't serve it, with the reason.
        :raises MissingPlatformKey: the platform would pay, and the variable that it names isn't set.
        :raises UserKeyRequired: only users pay for it, and this one sent no key that fits.
        :raises UnknownProvider: the scope holds a key for a provider that nobody declared.
        """
        if scope is None:
            scope = current_scope()
        table = self._table
        key = table.key(feature, scope)
        prototype = table.models.get((key, self._cache, self._transport, self._callbacks, self._runner))
        if prototype is None:
            prototype = self._prototype(key)
        return prototype.handed_out(streaming=streaming, cache_key=cache_key, scope=scope)

    def plan(self, feature: str, scope: RequestScope | None = None) -> Plan:
        """Return the plan of a call: hops, payer, deadline, attempts. Raises what `get_llm` raises."""
        return self._runnable(self._table.key(feature, current_scope() if scope is None else scope))

    def explain(
        self, feature: str, scope: RequestScope | None = None, *, cache_key: str | None = None
    ) -> Explanation:
        """Return where a call would go and why not elsewhere. Asks nobody; errors are part of the answer."""
        if scope is None:
            scope = current_scope()
        return self._table.explain(feature, scope, cache_key, self._runner)

    def byok_coverage(self, scope: RequestScope | None = None) -> Coverage:
        """Return for every feature whether it runs on this scope's keys, falls to the platform, or stops.

        Made of the plans that `get_llm` runs. Asks nobody: whether a key works is what `key_health` knows.

        :raises UnknownProvider: the scope holds a key for a provider that nobody declared.
        """
        if scope is None:
            scope = current_scope()
        table = self._table
        plans = [table.plan(table.key(feature, scope)) for feature in self.catalog.features]
        return coverage_of(self.profile, scope, plans)

    def probe_key(
        self,
        provider: str,
        key: str | SecretStr,
        *,
        user_id: str | None = None,
        timeout_s: float = PROBE_TIMEOUT_S,
    ) -> KeyReport:
        """Ask a provider whether a key works, with one request that costs nothing, or next to nothing.

        With a `user_id`, `key_health` learns what it says. Down or slow is `unknown`, and raises nothing.

        :raises UnknownProvider: nobody declared this provider.
        :raises InvalidUserKey: the key is blank, too long, or holds what no key holds.
        :raises ConfigurationError: this provider can't be asked, with the reason.
        """
        return self._prober().probe(self._candidate(provider, key, user_id, timeout_s))

    async def aprobe_key(
        self,
        provider: str,
        key: str | SecretStr,
        *,
        user_id: str | None = None,
        timeout_s: float = PROBE_TIMEOUT_S,
    ) -> KeyReport:
        """Ask as `probe_key` does, in an event loop."""
        return await self._prober().aprobe(self._candidate(provider, key, user_id, timeout_s))

    def probe_endpoint(
        self, endpoint: UserEndpoint, *, user_id: str | None = None, timeout_s: float = PROBE_TIMEOUT_S
    ) -> KeyReport:
        """Ask a user's own endpoint for its list of models, as `probe_key` asks a provider.

        :raises UserEndpointRefused: it may not be called, with the reason.
        """
        return self._prober().probe(Candidate.at(endpoint, user_id, timeout_s))

    async def aprobe_endpoint(
        self, endpoint: UserEndpoint, *, user_id: str | None = None, timeout_s: float = PROBE_TIMEOUT_S
    ) -> KeyReport:
        """Ask as `probe_endpoint` does, in an event loop."""
        return await self._prober().aprobe(Candidate.at(endpoint, user_id, timeout_s))

    def get_model(self, feature: str) -> str:
        """Return the name of the model on the platform's route of a feature."""
        return self._route(feature).model

    def get_provider(self, feature: str) -> str:
        """Return the name of the provider on the platform's route of a feature."""
        return self._route(feature).provider

    def get_qos_info(self) -> dict[str, Any]:
        """Return the active profile and the platform's route of every feature, sorted, pinned included."""
        features = {name: self._qos(name) for name in sorted(self.catalog.features)}
        return {"profile": self.profile, "features": features}

    def warm_up(self, features: Iterable[str] | None = None) -> tuple[str, ...]:
        """Import SDKs and build the clients of these features (default: all that can run) before traffic.

        Importing an SDK stops an event loop for a quarter of a second or more. Returns the features warmed.
        """
        self._transport.awaiting_line()
        warmed = []
        for feature in self.catalog.features if features is None else features:
            plan = self._table.plan(self._table.key(feature, None))
            if plan.refusal is None:
                for hop in plan.hops:
                    self._cache.get(hop.spec)
                self.get_llm(feature, scope=RequestScope())
                warmed.append(feature)
        return tuple(warmed)

    def _prober(self) -> Prober:
        return Prober(self._registry, self._transport, self.key_health)

    def _candidate(
        self, provider: str, key: str | SecretStr, user_id: str | None, timeout_s: float
    ) -> Candidate:
        found = self.catalog.provider(provider)
        scope = RequestScope(user_id, {found.key_holder: key})
        return Candidate(found, scope, routed_model(self.catalog, self.profile, provider), timeout_s)

    def _route(self, feature: str) -> Route:
        return self.catalog.route(feature, self.profile)

    def _qos(self, feature: str) -> dict[str, Any]:
        try:
            route = self._route(feature)
        except FeatureUnavailable as error:
            return {"unavailable": error.reason}
        pinned = feature in self.catalog.pinned
        return {"model": route.model, "provider": route.provider, "pinned": pinned}

    def _runnable(self, key: PlanKey) -> Plan:
        plan = self._table.plan(key)
        if plan.refusal is not None:
            raise plan.refusal()
        return plan

    def _prototype(self, key: PlanKey) -> RoutedChatModel:
        from app.llm.line import Line
        from app.llm.routed_model import RoutedChatModel

        plan = self._runnable(key)
        line = Line(plan, self._registry, self._cache, self._transport, self._runner)
        prototype = RoutedChatModel.over(line, self._callbacks(plan.feature.name))
        self._table.keep(key, (self._cache, self._transport, self._callbacks, self._runner), prototype)
        return prototype
