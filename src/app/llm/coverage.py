"""Coverage: which features a user's keys serve, which fall to the platform, and which stop. Asks nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from app.llm.catalog.model import USER_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.llm.byok.scope import RequestScope
    from app.llm.planning import Plan

Outcome = Literal["user", "platform", "stops"]
"""Who pays for a feature's calls, or that there are none: `get_llm` raises."""

NO_KEYS = "no keys in this request"


@dataclass(frozen=True, slots=True)
class CoveredFeature:
    """One feature: who would pay, on which provider and model, and why.

    `label` says which of the feature's routes it is. `reason` says why the user's keys don't serve it, or
    what `get_llm` would raise (its class is `error`). `if_key_fails` is what the plan says comes next.
    """

    feature: str
    outcome: Outcome
    provider: str | None = None
    model: str | None = None
    label: str | None = None
    reason: str | None = None
    error: str | None = None
    if_key_fails: Literal["stops", "platform"] | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a user's keys are good for in a profile, feature by feature, sorted; `str()` gives it as text.

    `keys` are the providers of the keys (`user_endpoint`: an endpoint of the user's own); `idle` are those of
    them whose key serves no feature.
    """

    profile: str
    keys: tuple[str, ...]
    idle: tuple[str, ...]
    features: tuple[CoveredFeature, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many features each outcome has."""
        found = Counter(one.outcome for one in self.features)
        return {"user": found["user"], "platform": found["platform"], "stops": found["stops"]}

    @property
    def summary(self) -> str:
        """The counts in a sentence."""
        counts = self.counts
        idle = f"; no feature would use a key for {', '.join(self.idle)}" if self.idle else ""
        return (
            f"profile {self.profile}, keys for {', '.join(self.keys) or 'nothing'}: "
            f"of {len(self.features)} features, {counts['user']} on the user's keys, "
            f"{counts['platform']} on the platform's, {counts['stops']} stopped{idle}"
        )

    def of(self, feature: str) -> CoveredFeature:
        """Return one feature's row. Raises KeyError if the catalog has no such feature."""
        return {one.feature: one for one in self.features}[feature]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        return {
            "profile": self.profile,
            "keys": list(self.keys),
            "idle": list(self.idle),
            "counts": self.counts,
            "features": [asdict(one) for one in self.features],
        }

    def __str__(self) -> str:
        return "\n".join([self.summary, *(f"  {_line(one)}" for one in self.features)])


def coverage_of(profile: str, scope: RequestScope | None, plans: Iterable[Plan]) -> Coverage:
    """Return the coverage that these plans of a profile's features, made for this scope, amount to."""
    plans = sorted(plans, key=lambda plan: plan.feature.name)
    keys = sorted(scope.providers) if scope else []
    if scope is not None and scope.endpoint is not None:
        keys.append(USER_ENDPOINT)
    hops = [hop for plan in plans if plan.refusal is None for hop in plan.hops]
    used = {hop.credential.provider for hop in hops if hop.payer == "user"}
    idle = tuple(key for key in keys if key not in used)
    return Coverage(profile, tuple(keys), idle, tuple(_covered(plan) for plan in plans))


def _covered(plan: Plan) -> CoveredFeature:
    name = plan.feature.name
    if plan.refusal is not None:
        error = plan.refusal()
        return CoveredFeature(name, "stops", reason=str(error), error=type(error).__name__)
    first = plan.first
    where = (first.route.provider, first.route.model, first.label)
    if first.payer == "platform":
        return CoveredFeature(name, "platform", *where, reason=_why_not_the_user(plan))
    falls = any(hop.payer == "platform" for hop in plan.hops)
    return CoveredFeature(name, "user", *where, if_key_fails="platform" if falls else "stops")


def _why_not_the_user(plan: Plan) -> str:
    reasons = dict.fromkeys(one.reason for one in plan.rejected if one.payer == "user")
    return "; ".join(reasons) or NO_KEYS


def _line(one: CoveredFeature) -> str:
    if one.outcome == "stops":
        return f"{one.feature}: stops: {one.reason}"
    served = f"{one.model}:{one.provider}, paid by the {one.outcome} ({one.label})"
    return f"{one.feature}: {served}" + (f": {one.reason}" if one.reason else "")
