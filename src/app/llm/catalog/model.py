"""The compiled catalog: what the rest of the layer reads. Immutable, complete, every value with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from app.errors import FeatureUnavailable, UnknownFeature, UnknownProfile, UnknownProvider
from app.llm.catalog.rows import FeatureRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.errors import Payer
    from app.llm.catalog.failure_table import FailureTable
    from app.llm.catalog.options import Options
    from app.llm.catalog.problems import Path, Place, Places
    from app.llm.catalog.rows import Ability, Ask, ModelRow, ProfileRow, ProviderRow, VendorRow

USER_ENDPOINT = "user_endpoint"
"""What a user's own endpoint goes by where a provider's name is asked for. No row of a catalog has it."""
REQUEST_TIMEOUT_S = 120.0
"""How long one request may take unless an option says otherwise, in seconds."""
CONNECT_S = 10.0
"""How long it may take until a connection is open, unless the feature says otherwise, in seconds."""
CHUNK_S = 60.0
"""How long a stream may take from one content to the next, unless the feature says otherwise, in seconds."""
ATTEMPTS_PER_HOP = 2
"""The first request and at most one retry, unless the feature has an attempt budget of its own."""


@dataclass(frozen=True, slots=True)
class Route:
    """One immutable value: provider + model + options + fallback routes. `path` is where it is written."""

    provider: str
    model: str
    options: Options
    ask: Ask = "generate"
    fallbacks: tuple[Route, ...] = ()
    path: Path = field(default=(), compare=False)

    @property
    def target(self) -> str:
        """`model:provider`, as people say it."""
        return f"{self.model}:{self.provider}"


@dataclass(frozen=True, slots=True)
class Feature:
    """A named use of a model in the product, and its row."""

    name: str
    row: FeatureRow


@dataclass(frozen=True, slots=True)
class Profile:
    """A named table feature -> route with everything that it inherits; pinned features aren't in it."""

    name: str
    row: ProfileRow
    routes: Mapping[str, Route]
    unavailable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provider:
    """A row of providers, with the questions that are asked of it."""

    name: str
    row: ProviderRow

    @property
    def key_holder(self) -> str:
        """The provider whose keys open this one: itself, or the one named in `key_of`."""
        return self.row.key_of or self.name

    @property
    def keyless(self) -> bool:
        """Whether calls carry no key at all."""
        return self.row.key_env is None

    def model_rows(self, model: str) -> Iterable[tuple[int, ModelRow]]:
        """Return the rows, with their index, that hold for this model, later ones winning."""
        return [(i, row) for i, row in enumerate(self.row.models) if _matches(model, row.match)]

    def vendor(self, model: str) -> VendorRow | None:
        """Return the vendor of a model that this provider resells."""
        return next((row for row in self.row.vendors if _matches(model, row.match)), None)

    def wire_name(self, model: str) -> str:
        """Return the model's name as this provider spells it: `google/gemini-...` on OpenRouter."""
        vendor = self.vendor(model)
        return model if vendor is None or model.startswith(vendor.prefix) else vendor.prefix + model

    def supports(self, model: str) -> frozenset[Ability]:
        """Return the abilities that this provider has with this model."""
        return self.row.supports.union(*(row.supports for _, row in self.model_rows(model)))

    def cannot(self, model: str) -> frozenset[str]:
        """Return the options that this provider refuses for this model."""
        return self.row.cannot.union(*(row.cannot for _, row in self.model_rows(model)))

    def window(self, model: str) -> int | None:
        """Return how many tokens fit into one request of this model; None: nobody wrote it down."""
        windows = [row.window for _, row in self.model_rows(model) if row.window is not None]
        return windows[-1] if windows else None

    def rates(self, model: str, payer: Payer) -> tuple[str, ...]:
        """Return the limits that all hold for this payer's requests to this model; none: it has no limit."""
        rows = [row for row in self.row.rates if row.payer == payer and _matches(model, row.match)]
        return tuple(dict.fromkeys(limit for row in rows for limit in row.limits))


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Features, profiles, pinned routes and providers, checked. Compared by identity."""

    features: Mapping[str, Feature]
    providers: Mapping[str, Provider]
    profiles: Mapping[str, Profile]
    pinned: Mapping[str, Route]
    default: Route | None
    failures: FailureTable
    """What plans do after failures, where a feature doesn't say otherwise."""
    places: Places

    def feature(self, name: str) -> Feature:
        """Return the feature; an unknown one is an error, unless the catalog declares a default route.

        :raises UnknownFeature: with the nearest name as a suggestion.
        """
        found = self.features.get(name)
        if found is not None:
            return found
        if self.default is None:
            raise UnknownFeature(name, self.features)
        return Feature(name, FeatureRow(about="not in the catalog: served by its default route"))

    def provider(self, name: str) -> Provider:
        """Return the provider.

        :raises UnknownProvider: with the nearest name as a suggestion.
        """
        found = self.providers.get(name)
        if found is None:
            raise UnknownProvider(name, self.providers)
        return found

    def profile(self, name: str) -> Profile:
        """Return the profile.

        :raises UnknownProfile: with the nearest name as a suggestion.
        """
        found = self.profiles.get(name)
        if found is None or found.row.abstract:
            raise UnknownProfile(name, self.selectable)
        return found

    @property
    def selectable(self) -> list[str]:
        """Names of the profiles that can be the active one, sorted."""
        return sorted(name for name, profile in self.profiles.items() if not profile.row.abstract)

    def route(self, feature: str, profile: str) -> Route:
        """Return the feature's route: pinned, else the profile's, else the default one if declared.

        :raises UnknownFeature: the catalog has no such feature (and no default route).
        :raises FeatureUnavailable: the profile declares that it can't serve it.
        """
        if found := self.pinned.get(feature):
            return found
        table = self.profile(profile)
        if found := table.routes.get(feature):
            return found
        if reason := table.unavailable.get(feature):
            raise FeatureUnavailable(feature, profile, reason)
        if self.default is None:
            raise UnknownFeature(feature, self.features)
        return self.default

    def action_table(self, feature: Feature) -> FailureTable:
        """Return what this feature's plans do after failures."""
        return self.failures.overridden(feature.name, feature.row.failures, self.places)

    def place(self, *path: str | int) -> Place | None:
        """Return where the value at this path is written."""
        return self.places.of(*path)


def _matches(model: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)
