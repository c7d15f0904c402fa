"""What holds for every call, and for one whose course was predicted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.errors import ModelCallFailed, StreamBroken
from tests.llm.running.actors import Place
from tests.llm.running.reference import OF_THE_KEY
from tests.llm.running.worlds import KEYS, key_of

if TYPE_CHECKING:
    from app.llm.running.record import AttemptRecord, CallRecord
    from tests.llm.running.predictions import Ask, Limits, Prediction
    from tests.llm.running.stage import Observed, Stage

A_MILLIONTH = 1e-6
"""Seconds that the arithmetic of a whole call may be off."""


def told(decision: Any) -> list[tuple[int, str, str | None]]:  # noqa: ANN401 - plain data
    """Return the attempts of a decision record: hop, outcome, class."""
    return [(one["hop"], one["outcome"], one.get("class")) for one in decision["attempts"]]


def noted(record: CallRecord) -> list[tuple[int, str, str | None]]:
    """Return the attempts of a record: hop, outcome, class."""
    return [(one.hop, one.outcome, one.failure_class) for one in record.attempts]


def sent(record: CallRecord) -> list[AttemptRecord]:
    """Return the attempts with which something left this process."""
    return [one for one in record.attempts if one.requests]


def check_budget(record: CallRecord, seconds: float, limits: Limits) -> None:
    """R10: neither attempts nor the deadline are exceeded."""
    assert len(sent(record)) <= limits.attempts
    assert seconds <= limits.deadline_s + A_MILLIONTH
    assert abs(record.ms / 1000 - seconds) < A_MILLIONTH
    assert sum(one.ms for one in record.attempts) <= record.ms + A_MILLIONTH


def check_bill(stage: Stage) -> None:
    """R5, R8, R9: each request shows the key of its payer, who changes after a failed user key only."""
    [record] = stage.records
    entries = stage.theatre.entries
    assert len(entries) == len(sent(record)), "every request is in the record"
    for entry, attempt in zip(entries, sent(record), strict=True):
        provider, _, payer = entry.target
        assert entry.target == (attempt.provider, attempt.model, attempt.payer)
        assert entry.key == (
            KEYS[f"{provider.upper()}_API_KEY"] if payer == "platform" else key_of("ada", provider)
        )
        assert attempt.requests == 1
    for before, after in pairwise(record.attempts):
        if before.payer != after.payer:
            assert (before.payer, after.payer) == ("user", "platform")
            assert before.failure_class in OF_THE_KEY
            assert stage.world.moves_the_bill


def check_course(stage: Stage, predicted: Prediction, seconds: float) -> None:
    """Every attempt is in the record, and the course is the predicted one."""
    [record] = stage.records
    assert noted(record) == predicted.attempts
    assert [entry.target for entry in stage.theatre.entries] == predicted.asked
    assert [entry.messages for entry in stage.theatre.entries] == predicted.messages
    assert stage.clock.slept == predicted.waits
    assert (record.outcome, record.served_by) == (predicted.outcome, predicted.served_by)
    assert abs(seconds - predicted.seconds) < A_MILLIONTH


def check_caller(ask: Ask, predicted: Prediction, seen: Observed, record: CallRecord) -> None:
    """No chunk is lost or said twice, and the caller is told what the record says."""
    assert seen.given_up == (predicted.outcome == "cancelled")
    assert (seen.mistake is not None) == predicted.mistake
    if not ask.structured:
        handed_on = ask.streaming or predicted.outcome == "answered"
        assert "".join(seen.texts) == "".join(predicted.texts if handed_on else ())
    elif predicted.outcome == "answered":
        _check_parsed(ask, predicted, seen)
    if predicted.error is not None:
        _check_error(predicted, seen, record)
    elif predicted.outcome == "answered" and (seen.texts or seen.stamps):
        _check_stamp(ask, seen, record)


def _check_parsed(ask: Ask, predicted: Prediction, seen: Observed) -> None:
    said = "".join(predicted.texts)
    if ask.raw:
        assert "".join(seen.texts) == said
    if said.startswith('{"town"') and said.endswith("}"):
        assert seen.parsed == Place.model_validate_json(said)
        assert seen.misfit is None
    else:
        assert ask.raw
        assert (seen.parsed, seen.misfit is None) == (None, False)


def _check_error(predicted: Prediction, seen: Observed, record: CallRecord) -> None:
    error, last = seen.error, sent(record)[-1]
    assert predicted.error is not None
    assert isinstance(error, predicted.error)
    assert isinstance(error, ModelCallFailed)
    assert (error.__cause__, error.__context__) == (None, None)
    assert (error.provider, error.model, error.payer) == (last.provider, last.model, last.payer)
    assert error.attempts == len(sent(record))
    assert told(error.decision) == predicted.attempts
    if isinstance(error, StreamBroken):
        assert error.partial == "".join(predicted.texts)
        assert error.broken_by == last.failure_class


def _check_stamp(ask: Ask, seen: Observed, record: CallRecord) -> None:
    stamp = {name: value for one in seen.stamps for name, value in one.items()}
    assert stamp["hop"] == record.served_by
    assert stamp["payer"] == record.plan.hops[stamp["hop"] - 1].payer
    if "attempts" in stamp or ask.stops_after is None:
        assert told(stamp) == noted(record)
        assert stamp["plan"] == [hop.named for hop in record.plan.hops]
        assert stamp["degraded_because"] == record.degraded_because
