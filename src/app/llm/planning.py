"""Planning: catalog + feature + the keys of a request -> a plan. Pure: nobody is asked, no secret is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.errors import FeatureUnavailable, UserKeyRequired
from app.llm.byok.resolver import USER_ONLY, Choice, Rejection, definite, label_of, with_endpoint
from app.llm.catalog.effective import EffectiveOption, hops_of, options_at
from app.llm.catalog.model import ATTEMPTS_PER_HOP, USER_ENDPOINT, Catalog, Feature, Provider, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import Payer, PointsmanError
    from app.llm.byok.endpoint import NamedEndpoint
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.catalog.rows import Ask
    from app.llm.clients.spec import ClientSpec, CredentialReference
    from app.llm.providers.registry import ProviderRegistry


@dataclass(frozen=True, slots=True)
class Hop:
    """One route + one credential reference + the options rendered for it."""

    label: str
    route: Route
    provider: Provider
    payer: Payer
    credential: CredentialReference
    spec: ClientSpec
    options: tuple[EffectiveOption, ...]

    @property
    def timeout_s(self) -> float:
        """How long one attempt may take, in seconds."""
        return float(str(dict(self.spec.options)["timeout_s"]))


@dataclass(frozen=True, slots=True)
class Plan:
    """The closed, ordered list of hops for one call, its deadline (seconds) and its attempt budget.

    `refusal` makes the error that `get_llm` raises where the plan can't be run.
    """

    feature: Feature
    profile: str
    hops: tuple[Hop, ...]
    rejected: tuple[Rejection, ...]
    deadline_s: float
    attempts: int
    refusal: Callable[[], PointsmanError] | None = None

    @property
    def first(self) -> Hop:
        """The hop that is run first."""
        return self.hops[0]

    @property
    def ask(self) -> Ask:
        """How a choice from a list is asked on this plan's route."""
        return self.first.route.ask


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans from one catalog and one active profile."""

    catalog: Catalog
    registry: ProviderRegistry
    resolver: BYOKResolver
    profile: str

    def plan(
        self, feature: Feature, keys: frozenset[str] | None, endpoint: NamedEndpoint | None = None
    ) -> Plan:
        """Return the plan for a request that brought keys for these providers (None: no request scope).

        `endpoint` is the user's own one, if the request named it.
        """
        choice, own = self.resolver.choose(self.catalog, feature, self.profile, keys), None
        if endpoint is not None:
            own = endpoint.provider()
            choice = with_endpoint(choice, feature, endpoint)
        if choice.route is None:
            return Plan(feature, self.profile, (), choice.rejected, 0.0, 0, self._refusal(feature, choice))
        routes, rejected = self._payable(feature, choice.route, choice, keys or frozenset(), own)
        hops = tuple(self._hop(feature, label, route, payer, own) for label, route, payer in routes)
        attempts = feature.row.attempts or ATTEMPTS_PER_HOP * len(hops)
        deadline = feature.row.deadline_s or ATTEMPTS_PER_HOP * sum(hop.timeout_s for hop in hops)
        refusal = next(filter(None, (self._missing(hop, feature) for hop in hops)), None)
        return Plan(feature, self.profile, hops, rejected, deadline, attempts, refusal)

    def _refusal(self, feature: Feature, choice: Choice) -> Callable[[], PointsmanError]:
        if choice.payer == "user":
            return partial(UserKeyRequired, feature.name, choice.would_serve)
        reason = self.catalog.profile(self.profile).unavailable[feature.name]
        return partial(FeatureUnavailable, feature.name, self.profile, reason)

    def _payable(
        self, feature: Feature, chosen: Route, choice: Choice, keys: frozenset[str], own: Provider | None
    ) -> tuple[list[tuple[str, Route, Payer]], tuple[Rejection, ...]]:
        """Return the plan's routes with their payers, and the fallbacks that nobody may pay for."""
        routes: list[tuple[str, Route, Payer]] = []
        rejected = list(choice.rejected)
        for hop in hops_of(chosen):
            label = choice.label if hop is chosen else f"fallback of {definite(choice.label)}"
            holder = self._provider(hop, own).key_holder
            if choice.payer == "platform" or hop.provider == USER_ENDPOINT or holder in keys:
                routes.append((label, hop, choice.payer))
            else:
                reason = f"no key for {holder!r} in this request, and the payer may not change on the way"
                rejected.append(Rejection(label, hop.provider, hop.model, "user", reason))
        if choice.payer == "user":
            routes += self._platform_hops(feature, rejected)
        return routes, tuple(rejected)

    def _platform_hops(self, feature: Feature, rejected: list[Rejection]) -> list[tuple[str, Route, Payer]]:
        """Return the hops on the platform's bill after a failed user key, if the feature says so (R9)."""
        try:
            route = self.catalog.route(feature.name, self.profile)
        except FeatureUnavailable:
            return []
        if feature.row.on_user_key_failure == "platform":
            return [("platform's route, if the user's key fails", hop, "platform") for hop in hops_of(route)]
        label = label_of(self.catalog, feature, self.profile)
        raised = 'on_user_key_failure = "raise": a failing user key never moves the bill'
        reason = USER_ONLY if feature.row.payer == "user_only" else raised
        rejected.append(Rejection(label, route.provider, route.model, "platform", reason))
        return []

    def _hop(self, feature: Feature, label: str, route: Route, payer: Payer, own: Provider | None) -> Hop:
        provider = self._provider(route, own)
        options = sorted(options_at(provider, feature, route).values(), key=lambda option: option.name)
        values = tuple((option.name, option.value) for option in options)
        spec = self.registry.spec(provider, route.model, payer, values)
        reference = self.registry.reference(provider, spec)
        return Hop(label, route, provider, payer, reference, spec, tuple(options))

    def _provider(self, route: Route, own: Provider | None) -> Provider:
        if own is not None and route.provider == own.name:
            return own
        return self.catalog.providers[route.provider]

    def _missing(self, hop: Hop, feature: Feature) -> Callable[[], PointsmanError] | None:
        return self.registry.missing(hop.provider, hop.spec, feature.name)
