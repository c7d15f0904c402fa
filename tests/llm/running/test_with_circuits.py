"""With circuits that open, the course of a call depends on those before it: what must hold all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from app.errors import CircuitOpen
from tests.llm.running.actors import Target, texts
from tests.llm.running.asking import asks, jitters, own_limits, scripts
from tests.llm.running.checking import check_bill, check_budget, noted, sent, told
from tests.llm.running.predictions import Limits
from tests.llm.running.scripts import GOOD
from tests.llm.running.stage import staged
from tests.llm.running.worlds import worlds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.llm.running.record import CallRecord
    from tests.llm.running.predictions import Ask
    from tests.llm.running.scripts import Play
    from tests.llm.running.stage import Observed, Stage
    from tests.llm.running.worlds import World

FRAGILE = {"failures": 2, "window_s": 20.0, "open_s": 5.0}
MADE = st.tuples(asks, scripts, own_limits, jitters, st.sampled_from([0.0, 1.0, 6.0, 30.0]))


def words_of(stage: Stage, record: CallRecord, scripted: dict[Target, Sequence[Play]], ask: Ask) -> str:
    """Return all that the hop said which was asked last."""
    last = sent(record)[-1]
    target = Target(last.provider, last.model, last.payer)
    number = [entry.target for entry in stage.theatre.entries].count(target) - 1
    script = scripted.get(target, ())
    play = script[number] if number < len(script) else GOOD
    return "".join(texts(target, number, play, structured=ask.structured))


def check_passed_over(stage: Stage, seen: Observed, record: CallRecord) -> None:
    """A hop is passed over because its circuit is open, and a call that asks nobody says so."""
    assert {one.reason for one in record.passed_over} <= {"circuit_open"}
    for skipped in record.passed_over:
        hop = stage.plan.hops[skipped.hop - 1]
        assert hop.circuit is not None
        assert skipped.wait_s > 0
    if not record.attempts:
        assert record.passed_over
        assert isinstance(seen.error, CircuitOpen) or seen.given_up


def check_words(ask: Ask, seen: Observed, record: CallRecord, said: str) -> None:
    """What a caller got is what one hop said, from its beginning on."""
    got = "".join(seen.texts)
    assert said.startswith(got)
    if record.outcome == "answered" and ask.stops_after is None and not ask.structured:
        assert got == said


@settings(max_examples=60)
@given(world=worlds(circuit=FRAGILE), made=st.lists(MADE, min_size=4, max_size=8))
def test_R9_R10_R13_circuits_cost_no_budget_move_no_bill_and_lose_no_word(
    world: World, made: list[Any]
) -> None:
    with staged(world) as stage:
        plan = stage.plan
        targets = [Target(hop.route.provider, hop.route.model, hop.payer) for hop in plan.hops]
        for ask, played, own, jitter, pause in made:
            scripted = dict(zip(targets, played, strict=False))
            stage.clock.advance(pause)
            began = stage.clock.now()
            seen = stage.play(ask, scripted, own, jitter)
            [record] = stage.records
            limits = Limits(*(own.get(name, getattr(plan, name)) for name in Limits._fields))
            check_budget(record, stage.clock.now() - began, limits)
            check_bill(stage)
            check_passed_over(stage, seen, record)
            if sent(record):
                check_words(ask, seen, record, words_of(stage, record, scripted, ask))
            if seen.error is not None:
                assert told(seen.error.decision) == noted(record)  # type: ignore[attr-defined]
            assert "calls under way: 0" in repr(stage.transport)
            event(f"{record.outcome}, {len(record.passed_over)} passed over")
