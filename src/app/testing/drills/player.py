"""Plays one cell of the matrix: one call, by the real executor over the real SDKs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.testing.drills.calling import call
from app.testing.drills.checks import broken_in
from app.testing.drills.evidence import Evidence
from app.testing.drills.groups import scope_of
from app.testing.drills.money import cost_of
from app.testing.drills.plays import unseen
from app.testing.drills.report import Cell
from app.testing.drills.stage import key_of
from app.testing.faults.clock import FastClock

if TYPE_CHECKING:
    from app.llm.planning import Hop, Plan
    from app.llm.running.record import CallRecord
    from app.testing.drills.calling import Result
    from app.testing.drills.groups import Group
    from app.testing.drills.plays import Play
    from app.testing.drills.stage import Subject
    from app.testing.faults.asked import Asked
    from app.testing.faults.server import FaultServer, Script

LASTS_S: Final = 3.0
SHORTEST_LIMIT_S: Final = 0.25
FASTEST: Final = 100.0
"""A drill is so fast that a plan's deadline lasts LASTS_S on this machine, and its shortest limit of time at
least SHORTEST_LIMIT_S (a machine is busy at times), but at most FASTEST times as fast as the machine."""
BEYOND_S: Final = 2.0
"""A silent server is silent for so much longer than a plan's deadline lasts, in seconds of this machine."""
MS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Player:
    """Plays cells, one after the other, at a fault server of its own."""

    subject: Subject
    server: FaultServer

    def play(self, group: Group, play: Play) -> Cell:
        """Return what came of one call."""
        clock = FastClock(speed_of(group.plan))
        script = script_of(group.plan, play)
        self.server.begin(script, clock=clock, silence_s=group.plan.deadline_s + BEYOND_S * clock.speed)
        records: list[CallRecord] = []
        with self.subject.container(self._origins(group, play), clock, records) as container:
            service, scope = container.llm_service(), scope_of(group.keys)
            name = group.features[0]
            model = service.get_llm(name, scope=scope)
            for hop in model.plan.hops:
                container.client_cache().get(hop.spec)  # what is built at start costs no call its time
            began = clock.now()
            clock.fast_until = began + model.plan.deadline_s
            result = call(model, group.way)
            elapsed_s = clock.now() - began
        served, strays = tuple(self.server.served), len(self.server.strays)
        return cell_of(Evidence(group, play, result, served, strays, records, elapsed_s))

    def _origins(self, group: Group, play: Play) -> dict[str, str]:
        """Return the providers' addresses; where nobody is to listen, the one that refuses."""
        origins = dict(self.server.origins)
        if unseen(play):
            hops = group.plan.hops if play.at == "all" else group.plan.hops[:1]
            origins |= {hop.route.provider: self.server.refusing for hop in hops}
        return origins


def speed_of(plan: Plan) -> float:
    """Return how many times as fast as the machine's the clock of a plan's drill runs."""
    limits = [plan.first_token_s, plan.chunk_s, *(hop.timeout_s for hop in plan.hops)]
    shortest = min(limit for limit in limits if limit is not None)
    return max(1.0, min(FASTEST, plan.deadline_s / LASTS_S, shortest / SHORTEST_LIMIT_S))


def script_of(plan: Plan, play: Play) -> Script:
    """Return the script of one call for the fault server."""
    cues = play.cues()
    return lambda asked: cues.fault(hop_number(plan, asked))


def hop_number(plan: Plan, asked: Asked) -> int | None:
    """Return the hop that a request is for (from 1), by provider, model and key; None: none of them."""
    return next((hop.number for hop in plan.hops if _is_for(hop, asked)), None)


def _is_for(hop: Hop, asked: Asked) -> bool:
    known = (hop.route.provider, hop.spec.model, key_of(hop.provider, hop.payer))
    return known == (asked.provider, asked.model, asked.key)


def cell_of(evidence: Evidence) -> Cell:
    """Return what is shown of a call."""
    group, play, result = evidence.group, evidence.play, evidence.result
    served = serving_hop(group.plan, result)
    record = evidence.record
    money = cost_of(result.message, served) if served is not None and result.message is not None else None
    return Cell(
        features=group.features,
        caller=group.caller,
        plan=described(group.plan),
        fault=play.name,
        where=play.where,
        outcome=result.name,
        served_by=served.route.target if served is not None else None,
        payer=served.payer if served is not None else None,
        attempts=len(record.attempts) if record is not None else 0,
        requests=len(evidence.served),
        ms=round(evidence.elapsed_s * MS),
        money=money,
        degraded_because=result.decision.get("degraded_because"),
        broken=tuple(broken_in(evidence)),
        decision=dict(result.decision),
    )


def described(plan: Plan) -> str:
    """Return a plan in a line."""
    hops = " > ".join(hop.named for hop in plan.hops)
    return f"{hops}, at most {plan.attempts} attempts in {plan.deadline_s:g} s"


def serving_hop(plan: Plan, result: Result) -> Hop | None:
    """Return the hop that gave the answer, as its record says; None: there is no answer."""
    if result.error is not None:
        return None
    number = result.decision.get("hop")
    return next((hop for hop in plan.hops if hop.number == number), None)
