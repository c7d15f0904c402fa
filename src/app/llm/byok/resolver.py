"""BYOKResolver: which of a feature's routes a user's keys serve, and who pays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.errors import FeatureUnavailable
from app.llm.catalog.effective import direct_equivalent, hops_of
from app.llm.catalog.model import USER_ENDPOINT, Route
from app.llm.catalog.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.errors import Payer
    from app.llm.byok.endpoint import NamedEndpoint
    from app.llm.catalog.model import Catalog, Feature, Provider

USER_ONLY = "user_only: the platform never pays for this feature"
PLATFORM_ONLY = "platform_only: users never pay for this feature"
NOT_REACHED = "not reached: an earlier candidate serves the call"
OWN_ENDPOINT = "the user's own endpoint"
BYOK_PROFILE = "byok"
"""The profile whose routes users' keys are tried on first."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A candidate that doesn't serve this call, and why."""

    label: str
    provider: str
    model: str
    payer: Payer
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The route that serves a request, who pays for it, and what was passed over on the way.

    `route` is None where nobody may pay or the profile can't serve the feature.
    """

    label: str
    route: Route | None
    payer: Payer
    rejected: tuple[Rejection, ...]
    would_serve: tuple[str, ...] = ()
    """Providers whose key, sent by the user, would let the user's own key serve the call."""


class BYOKResolver:
    """The candidate order of bring-your-own-key, and the payer rules. Pure: asks nobody, holds nothing."""

    def choose(self, catalog: Catalog, feature: Feature, profile: str, keys: frozenset[str] | None) -> Choice:
        """Return who serves and who pays, for a request that brought keys for these providers.

        `keys` is None outside of any request. Order: the byok profile's route, its direct equivalent, the
        active profile's route, its direct equivalent, all on the user's key; else the platform's route.
        """
        candidates = list(self.candidates(catalog, feature, profile))
        would_serve = tuple(dict.fromkeys(_key_holder(catalog, route) for _, route in candidates))
        rejected: list[Rejection] = []
        for label, route in candidates if keys is not None else ():
            reason = _why_not(feature, catalog.providers[route.provider], keys)
            if reason is None:
                rejected += _passed_over(candidates, label)
                return Choice(label, route, "user", tuple(rejected), would_serve)
            rejected.append(Rejection(label, route.provider, route.model, "user", reason))
        return self._platform(catalog, feature, profile, tuple(rejected), would_serve)

    def key_holders(self, catalog: Catalog, feature: Feature, profile: str) -> frozenset[str]:
        """Return the providers whose user keys can make a difference to this feature, fallbacks included."""
        routes = [hop for _, route in self.candidates(catalog, feature, profile) for hop in hops_of(route)]
        return frozenset(_key_holder(catalog, route) for route in routes)

    def candidates(self, catalog: Catalog, feature: Feature, profile: str) -> Iterator[tuple[str, Route]]:
        """Yield the routes that a user's key may serve, in order, each (provider, model) once."""
        if feature.row.payer == "platform_only":
            names = [profile]
        else:
            names = [name for name in (BYOK_PROFILE, profile) if name in catalog.profiles]
        seen = set()
        for name in dict.fromkeys(names):
            try:
                route = catalog.route(feature.name, name)
            except FeatureUnavailable:
                continue
            where = label_of(catalog, feature, name)
            direct = direct_equivalent(catalog, route)
            for label, found in ((where, route), (f"direct equivalent of {definite(where)}", direct)):
                if found is not None and found.target not in seen:
                    seen.add(found.target)
                    yield label, found

    def _platform(
        self,
        catalog: Catalog,
        feature: Feature,
        profile: str,
        rejected: tuple[Rejection, ...],
        would_serve: tuple[str, ...],
    ) -> Choice:
        try:
            route = catalog.route(feature.name, profile)
        except FeatureUnavailable:
            return Choice("nothing", None, "platform", rejected, would_serve)
        label = label_of(catalog, feature, profile)
        if feature.row.payer == "user_only":
            refused = Rejection(label, route.provider, route.model, "platform", USER_ONLY)
            return Choice("nothing", None, "user", (*rejected, refused), would_serve)
        return Choice(label, route, "platform", rejected, would_serve)


def with_endpoint(choice: Choice, feature: Feature, endpoint: NamedEndpoint) -> Choice:
    """Return the choice for a request that also named an endpoint: it serves before all others, if it can."""
    reason = _why_not_there(feature, endpoint)
    if reason is not None:
        passed = Rejection(OWN_ENDPOINT, USER_ENDPOINT, endpoint.model, "user", reason)
        return replace(choice, rejected=(passed, *choice.rejected))
    rejected = choice.rejected
    if choice.route is not None and choice.payer == "user":
        known = choice.route
        rejected = (Rejection(choice.label, known.provider, known.model, "user", NOT_REACHED), *rejected)
    route = Route(USER_ENDPOINT, endpoint.model, Options())
    return Choice(OWN_ENDPOINT, route, "user", rejected, choice.would_serve)


def _why_not_there(feature: Feature, endpoint: NamedEndpoint) -> str | None:
    if feature.row.payer == "platform_only":
        return PLATFORM_ONLY
    lacking = sorted(feature.row.needs - endpoint.supports)
    return f"the feature needs {', '.join(lacking)}, which this endpoint doesn't support" if lacking else None


def label_of(catalog: Catalog, feature: Feature, profile: str) -> str:
    """Return what a person calls a feature's route in a profile."""
    return "the pinned route" if feature.name in catalog.pinned else f"route in profile {profile!r}"


def definite(label: str) -> str:
    """Return a label with its article."""
    return label if label.startswith("the ") else f"the {label}"


def _why_not(feature: Feature, provider: Provider, keys: frozenset[str] | None) -> str | None:
    if feature.row.payer == "platform_only":
        return PLATFORM_ONLY
    if provider.keyless:
        return f"provider {provider.name!r} takes no key"
    if provider.key_holder not in (keys or ()):
        return f"no key for {provider.key_holder!r} in this request"
    return None


def _passed_over(candidates: list[tuple[str, Route]], chosen: str) -> list[Rejection]:
    labels = [label for label, _ in candidates]
    later = candidates[labels.index(chosen) + 1 :]
    return [Rejection(label, route.provider, route.model, "user", NOT_REACHED) for label, route in later]


def _key_holder(catalog: Catalog, route: Route) -> str:
    return catalog.providers[route.provider].key_holder
