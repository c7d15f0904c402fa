"""Planning: catalog + feature + the keys of a request -> a plan. Pure: nobody is asked, no secret is seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.errors import FeatureUnavailable, UserKeyRequired
from app.llm.byok.resolver import Choice, Rejection
from app.llm.catalog.effective import EffectiveOption, effective_options, hops_of
from app.llm.catalog.model import ATTEMPTS_PER_HOP, Catalog, Feature, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import Payer, PointsmanError
    from app.llm.byok.resolver import BYOKResolver
    from app.llm.catalog.rows import Ask
    from app.llm.clients.spec import ClientSpec, CredentialReference
    from app.llm.providers.registry import ProviderRegistry


@dataclass(frozen=True, slots=True)
class Hop:
    """One route + one credential reference + the options rendered for it."""

    label: str
    route: Route
    payer: Payer
    credential: CredentialReference
    spec: ClientSpec
    options: tuple[EffectiveOption, ...]


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


def make_plan(  # noqa: PLR0913 - the parts of one decision
    catalog: Catalog,
    registry: ProviderRegistry,
    resolver: BYOKResolver,
    profile: str,
    feature: Feature,
    keys: frozenset[str] | None,
) -> Plan:
    """Return the plan for a request that brought keys for these providers (None: no request scope)."""
    choice = resolver.choose(catalog, feature, profile, keys)
    if choice.route is None:
        return Plan(feature, profile, (), choice.rejected, 0.0, 0, _refusal(catalog, profile, feature, choice))
    routes, rejected = _payable(catalog, profile, feature, choice, keys or frozenset())
    hops = tuple(_hop(catalog, registry, feature, label, route, payer) for label, route, payer in routes)
    attempts = feature.row.attempts or ATTEMPTS_PER_HOP * len(hops)
    deadline = feature.row.deadline_s or sum(dict(hop.spec.options)["timeout_s"] for hop in hops) * ATTEMPTS_PER_HOP  # type: ignore[misc]
    refusals = (registry.missing(catalog.providers[hop.route.provider], hop.spec, feature.name) for hop in hops)
    refusal = next(filter(None, refusals), None)
    return Plan(feature, profile, hops, rejected, deadline, attempts, refusal)


def _refusal(
    catalog: Catalog, profile: str, feature: Feature, choice: Choice
) -> Callable[[], PointsmanError]:
    if choice.payer == "user":
        return partial(UserKeyRequired, feature.name, choice.would_serve)
    return partial(FeatureUnavailable, feature.name, profile, catalog.profile(profile).unavailable[feature.name])


def _payable(
    catalog: Catalog, profile: str, feature: Feature, choice: Choice, keys: frozenset[str]
) -> tuple[list[tuple[str, Route, Payer]], tuple[Rejection, ...]]:
    """Return the routes of the plan with their payers, and the fallbacks that nobody may pay for."""
    if choice.route is None:
        return [], choice.rejected
    routes: list[tuple[str, Route, Payer]] = []
    rejected = list(choice.rejected)
    for hop in hops_of(choice.route):
        label = choice.label if hop is choice.route else f"fallback of the {choice.label}"
        holder = catalog.providers[hop.provider].key_holder
        if choice.payer == "platform" or holder in keys:
            routes.append((label, hop, choice.payer))
        else:
            reason = f"no key for {holder!r} in this request, and the payer may not change on the way"
            rejected.append(Rejection(label, hop.provider, hop.model, "user", reason))
    if choice.payer == "user":
        routes += _platform_hops(catalog, profile, feature, rejected)
    return routes, tuple(rejected)


def _platform_hops(
    catalog: Catalog, profile: str, feature: Feature, rejected: list[Rejection]
) -> list[tuple[str, Route, Payer]]:
    """Return the hops that the platform pays for after a user's key failed, if the feature says so (R9)."""
    try:
        route = catalog.route(feature.name, profile)
    except FeatureUnavailable:
        return []
    if feature.row.on_user_key_failure == "platform":
        return [("platform's route, if the user's key fails", hop, "platform") for hop in hops_of(route)]
    reason = "on_user_key_failure = \"raise\": a failing user key never moves the bill"
    rejected.append(Rejection(f"route in profile {profile!r}", route.provider, route.model, "platform", reason))
    return []


def _hop(  # noqa: PLR0913 - the parts of one hop
    catalog: Catalog, registry: ProviderRegistry, feature: Feature, label: str, route: Route, payer: Payer
) -> Hop:
    provider = catalog.providers[route.provider]
    options = effective_options(catalog, feature, route)
    values = tuple(sorted((option.name, option.value) for option in options.values()))
    spec = registry.spec(provider, route.model, payer, values)
    reference = registry.reference(provider, spec)
    return Hop(label, route, payer, reference, spec, tuple(sorted(options.values(), key=lambda o: o.name)))
