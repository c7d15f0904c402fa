"""Features whose plan, policy and needs are the same: they are played once, and named together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from app.errors import PointsmanError
from app.llm.byok.scope import RequestScope
from app.testing.drills.plays import plays_of
from app.testing.faults.table import FAULTS
from app.testing.faults.voices import VOICES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.llm.planning import Plan
    from app.llm.service import LLMService
    from app.testing.drills.plays import Play
    from app.testing.drills.scenario import CallerRow, Scenario

Asking = Literal["text", "schema", "tools"]
NO_KEY = "no user's key serves it"


@dataclass(frozen=True, slots=True)
class Way:
    """How a feature is called: for a text, an answer of a schema or a tool's call; whole or as a stream."""

    asking: Asking
    stream: bool

    @classmethod
    def of(cls, needs: Iterable[str]) -> Way:
        """Return the way that a feature's needs ask for."""
        if "structured_output" in needs:
            return cls("schema", stream=False)
        return cls("tools" if "tools" in needs else "text", stream="streaming" in needs)

    def meets(self, fault: str) -> bool:
        """Whether a fault can happen in calls of this way."""
        needed = FAULTS[fault].needs
        return {
            None: True,
            "stream": self.stream,
            "tool": self.asking != "text",
            "schema": self.asking == "schema",
        }[needed]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Features that are played once for one caller, who sent these `keys`: the first stands for all."""

    features: tuple[str, ...]
    caller: str
    keys: frozenset[str]
    plan: Plan
    way: Way

    def plays(self, scenario: Scenario) -> list[Play]:
        """Return what is played to this group. At a plan of one hop, every hop is the first."""
        alone = len(self.plan.hops) == 1
        found = [play.at_first() if alone else play for play in plays_of(scenario, self.caller)]
        return [play for play in dict.fromkeys(found) if all(map(self.way.meets, play.faults))]


class Unplayed(NamedTuple):
    """A feature that isn't played for a caller, and why."""

    feature: str
    caller: str
    reason: str


def grouped(
    service: LLMService, scenario: Scenario, names: Iterable[str]
) -> tuple[list[Group], list[Unplayed]]:
    """Return the groups of these features for each caller of a scenario, and what can't be played."""
    unplayed: list[Unplayed] = []
    groups: dict[Any, Group] = {}
    for name in names:
        for caller, row in scenario.callers.items():
            found = _one(service, name, caller, row)
            if isinstance(found, str):
                unplayed.append(Unplayed(name, caller, found))
                continue
            known = groups.setdefault(_likeness(found), found)
            if known is not found:
                groups[_likeness(found)] = _joined(known, found)
    return list(groups.values()), unplayed


def _one(service: LLMService, name: str, caller: str, row: CallerRow) -> Group | str:
    """Return the group of one feature, or why it isn't played for this caller."""
    keys = frozenset(row.keys) if row.keys != "first" else _first_key(service, name)
    if keys is None:
        return NO_KEY
    try:
        plan = service.plan(name, scope_of(keys))
    except PointsmanError as error:
        return str(error)
    if keys and plan.first.payer != "user":
        return NO_KEY
    for hop in plan.hops:
        if hop.spec.protocol not in VOICES:
            return f"the fault server doesn't speak {hop.spec.protocol}, the protocol of {hop.route.provider}"
    return Group((name,), caller, keys, plan, Way.of(plan.feature.row.needs))


def _first_key(service: LLMService, name: str) -> frozenset[str] | None:
    """Return the one provider whose key serves a feature first; None: no user's key does."""
    everyone = frozenset(one.key_holder for one in service.catalog.providers.values())
    try:
        first = service.plan(name, scope_of(everyone)).first
    except PointsmanError:
        return None
    return frozenset({first.provider.key_holder}) if first.payer == "user" else None


def scope_of(keys: Iterable[str]) -> RequestScope | None:
    """Return the request of a user who sent made-up keys for these providers; None: nobody did."""
    sent = {name: user_key(name) for name in sorted(keys)}
    return RequestScope("a user of the drill", sent) if sent else None


def user_key(provider: str) -> str:
    """Return the made-up key that a user sends for a provider."""
    return f"drill-users-key-for-{provider}"


def _likeness(group: Group) -> tuple[Any, ...]:
    """Return what groups have in common that are played once."""
    plan, row = group.plan, group.plan.feature.row
    hops = tuple((hop.spec, hop.payer, hop.window, hop.timeout_s, hop.rates) for hop in plan.hops)
    policy = row.model_dump_json(exclude={"about", "options", "needs"})
    limits = (plan.deadline_s, plan.attempts, plan.connect_s, plan.first_token_s, plan.chunk_s)
    return group.caller, group.keys, hops, plan.table, limits, policy, row.needs


def _joined(one: Group, other: Group) -> Group:
    return Group((*one.features, *other.features), one.caller, one.keys, one.plan, one.way)
