"""Random plans, random scripts, all ways of asking: each call comes to what a model of the rules says."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from hypothesis import event, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.llm.running.actors import Target
from tests.llm.running.asking import asks, jitters, own_limits, scripts
from tests.llm.running.checking import check_bill, check_budget, check_caller, check_course
from tests.llm.running.predictions import Limits
from tests.llm.running.reference import Reference
from tests.llm.running.stage import staged
from tests.llm.running.worlds import worlds

if TYPE_CHECKING:
    from tests.llm.running.actors import Scripts
    from tests.llm.running.predictions import Ask
    from tests.llm.running.scripts import Play
    from tests.llm.running.worlds import World


class CallsOfOnePlan(RuleBasedStateMachine):
    """One plan, called again and again, whatever its providers do."""

    def __init__(self) -> None:
        super().__init__()
        self._parts = ExitStack()
        self.endings: Counter[str] = Counter()

    @initialize(world=worlds())
    def open(self, world: World) -> None:
        self.stage = self._parts.enter_context(staged(world))
        self.plan = self.stage.plan

    @rule(ask=asks, played=scripts, own=own_limits, jitter=jitters)
    def call(self, ask: Ask, played: list[list[Play]], own: dict[str, Any], jitter: float) -> None:
        hops, actions = self.plan.hops, self.stage.world.actions
        targets = [Target(hop.route.provider, hop.route.model, hop.payer) for hop in hops]
        scripted: Scripts = dict(zip(targets, played, strict=False))
        limits = Limits(*(own.get(name, getattr(self.plan, name)) for name in Limits._fields))
        predicted = Reference(hops, actions, limits, ask, scripted, jitter).predict()
        began = self.stage.clock.now()
        seen = self.stage.play(ask, scripted, own, jitter)
        seconds = self.stage.clock.now() - began
        assert len(self.stage.records) == 1, "each call is told once"
        record = self.stage.records[0]
        event(f"a plan of {len(hops)} hops")
        event(f"a call ends {record.outcome}, {len(record.attempts)} attempts")
        self.endings[record.outcome] += 1
        check_budget(record, seconds, limits)
        check_bill(self.stage)
        check_course(self.stage, predicted, seconds)
        check_caller(ask, predicted, seen, record)
        assert "calls under way: 0" in repr(self.stage.transport)

    def teardown(self) -> None:
        self._parts.close()


TestCallsOfOnePlan = CallsOfOnePlan.TestCase
TestCallsOfOnePlan.settings = settings(max_examples=120, stateful_step_count=10, deadline=None)
