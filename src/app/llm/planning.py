"""Planning: catalog + feature + the keys of a request -> a plan. Pure: nobody is asked, no secret is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.errors import FeatureUnavailable, UserKeyRequired
from app.llm.byok.resolver import USER_ONLY, Choice, Rejection, definite, label_of, with_endpoint
from app.llm.catalog.effective import EffectiveOption, hops_of, options_at
from app.llm.catalog.model import (
    ATTEMPTS_PER_HOP,
    CHUNK_S,
    CONNECT_S,
    USER_ENDPOINT,
    Catalog,
    Feature,
    Provider,
    Route,
)
from app.llm.catalog.rows import CircuitRow
from app.llm.circuits.port import CircuitKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import Payer, PointsmanError
    from app.llm.byok.endpoint import NamedEndpoint
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.catalog.failure_table import FailureTable
    from app.llm.catalog.rows import Ask
    from app.llm.clients.spec import ClientSpec, CredentialReference
    from app.llm.providers.registry import ProviderRegistry


@dataclass(frozen=True, slots=True)
class Hop:
    """One route + one credential reference + the options rendered for it. `number` counts from 1.

    `circuit` is None where there is none: it is switched off, or the endpoint is a user's own. `rates` are
    the client-side limits, and `window` is the context window in tokens, if it is known.
    """

    number: int
    label: str
    route: Route
    provider: Provider
    payer: Payer
    credential: CredentialReference
    spec: ClientSpec
    options: tuple[EffectiveOption, ...]
    timeout_s: float
    """How long one attempt may take, in seconds; a stream: how long until its first content."""
    timeout_written: bool
    circuit: CircuitKey | None = None
    circuit_row: CircuitRow | None = None
    rates: tuple[str, ...] = ()
    window: int | None = None

    @property
    def named(self) -> str:
        """`model:provider (payer)`, as the record of a call names its hops."""
        return f"{self.route.target} ({self.payer})"


@dataclass(frozen=True, slots=True)
class Plan:
    """The closed, ordered list of hops for one call, its deadline (seconds) and its attempt budget.

    `table` says what comes after a failed attempt. Limits in seconds: `connect_s` for a connection to be
    open, `first_token_s` for a stream's first content (None: the hop's time-out), `chunk_s` for each
    further one. `refusal` makes the error that `get_llm` raises where the plan can't be run.
    """

    feature: Feature
    profile: str
    hops: tuple[Hop, ...]
    rejected: tuple[Rejection, ...]
    deadline_s: float
    attempts: int
    table: FailureTable
    connect_s: float = CONNECT_S
    first_token_s: float | None = None
    chunk_s: float = CHUNK_S
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
            return self._unserved(feature, choice)
        routes, rejected = self._payable(feature, choice.route, choice, keys or frozenset(), own)
        hops = tuple(
            self._hop(feature, number, label, route, payer, own)
            for number, (label, route, payer) in enumerate(routes, 1)
        )
        row = feature.row
        return Plan(
            feature,
            self.profile,
            hops,
            rejected,
            deadline_s=row.deadline_s or ATTEMPTS_PER_HOP * sum(hop.timeout_s for hop in hops),
            attempts=row.attempts or ATTEMPTS_PER_HOP * len(hops),
            table=self.catalog.action_table(feature),
            connect_s=row.connect_s or CONNECT_S,
            first_token_s=row.first_token_s,
            chunk_s=row.chunk_s or CHUNK_S,
            refusal=next(filter(None, (self._missing(hop, feature) for hop in hops)), None),
        )

    def _unserved(self, feature: Feature, choice: Choice) -> Plan:
        refusal: Callable[[], PointsmanError]
        if choice.payer == "user":
            refusal = partial(UserKeyRequired, feature.name, choice.would_serve)
        else:
            reason = self.catalog.profile(self.profile).unavailable[feature.name]
            refusal = partial(FeatureUnavailable, feature.name, self.profile, reason)
        table = self.catalog.action_table(feature)
        return Plan(feature, self.profile, (), choice.rejected, 0.0, 0, table, refusal=refusal)

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

    def _hop(  # noqa: PLR0913, PLR0917 - what a hop is made of
        self, feature: Feature, number: int, label: str, route: Route, payer: Payer, own: Provider | None
    ) -> Hop:
        provider = self._provider(route, own)
        named = options_at(provider, feature, route)
        options = tuple(sorted(named.values(), key=lambda option: option.name))
        values = tuple((option.name, option.value) for option in options)
        spec = self.registry.spec(provider, route.model, payer, values)
        breaks = isinstance(provider.row.circuit, CircuitRow) and not spec.user_named
        return Hop(
            number,
            label,
            route,
            provider,
            payer,
            self.registry.reference(provider, spec),
            spec,
            options,
            timeout_s=float(str(named["timeout_s"].value)),
            timeout_written=named["timeout_s"].path is not None,
            circuit=CircuitKey(route.provider, route.model, payer) if breaks else None,
            circuit_row=provider.row.circuit if isinstance(provider.row.circuit, CircuitRow) else None,
            rates=provider.rates(route.model, payer),
            window=provider.window(route.model),
        )

    def _provider(self, route: Route, own: Provider | None) -> Provider:
        if own is not None and route.provider == own.name:
            return own
        return self.catalog.providers[route.provider]

    def _missing(self, hop: Hop, feature: Feature) -> Callable[[], PointsmanError] | None:
        return self.registry.missing(hop.provider, hop.spec, feature.name)
