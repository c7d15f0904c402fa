"""The policies of answers: they are whole, or an error of ours; and the record says what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.errors import PointsmanError, StreamBroken
from app.testing.drills.calling import Verdict
from app.testing.faults.speech import TEXT
from app.testing.faults.table import FAULTS, OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.drills.evidence import Evidence
    from app.testing.faults.server import Served

TAKEN_FOR_ANSWERS: Final = frozenset({OK, "cut_after_finish", "slow_first_token", "stall"})
"""What may serve: everything was said before the end, or came late but in time."""
STAMP: Final = ("feature", "profile", "provider", "model", "payer", "hop", "plan", "attempts")
"""What the record on every answer holds."""


def answer_is_whole(evidence: Evidence) -> Iterator[str]:
    """Yield what was taken for an answer and is none, or isn't what the server said."""
    result, group = evidence.result, evidence.group
    if result.error is not None:
        return
    last = evidence.served[-1] if evidence.served else None
    if last is None:
        yield "there is an answer, and no server has given one"
    elif last.fault not in TAKEN_FOR_ANSWERS and not _cannot_be_told(last):
        yield f"{last.fault} was taken for an answer"
    elif group.way.asking == "schema" and not isinstance(result.parsed, Verdict):
        yield "the answer isn't of the schema"
    elif group.way.asking == "tools" and not (result.message and result.message.tool_calls):
        yield "the tool that must be called wasn't"
    elif group.way.asking == "text" and result.text != "".join(TEXT):
        yield f"the answer is {result.text!r}, and the server said {''.join(TEXT)!r}"


def _cannot_be_told(served: Served) -> bool:
    """Whether a protocol has no way to say that arguments are broken: Anthropic's are a value, not a text."""
    asked = served.asked
    return served.fault == "bad_tool_arguments" and asked.protocol == "anthropic" and not asked.stream


def broken_streams_raise(evidence: Evidence) -> Iterator[str]:
    """Yield streams that broke after their beginning, and didn't end in StreamBroken at once."""
    for number, one in enumerate(evidence.served, 1):
        if not (one.asked.stream and FAULTS[one.fault].breaks):
            continue
        error, text = evidence.result.error, evidence.result.text
        if not isinstance(error, StreamBroken):
            yield f"the stream broke ({one.fault}), and the call ended with {evidence.result.name}"
        elif error.partial != text or (evidence.group.way.asking == "text" and not text):
            yield "the error doesn't carry the text that had arrived"
        if number < len(evidence.served):
            yield "a request was made after content had been handed on"


def error_is_ours(evidence: Evidence) -> Iterator[str]:
    """Yield what reached the caller and is no error of ours."""
    error = evidence.result.error
    if error is not None and not isinstance(error, PointsmanError):
        yield f"{type(error).__module__}.{type(error).__name__} reached the caller"


def record_is_complete(evidence: Evidence) -> Iterator[str]:
    """Yield what is missing in the record of the call, or isn't as the caller was told."""
    result, record = evidence.result, evidence.record
    if record is None or len(evidence.records) != 1:
        yield f"the call has {len(evidence.records)} records"
        return
    if record.outcome != ("answered" if result.error is None else "failed"):
        yield f"the record says {record.outcome}, and the call ended with {result.name}"
    for number, attempt in enumerate(record.attempts, 1):
        if attempt.outcome == "under_way" or (attempt.outcome == "failed" and attempt.failure_class is None):
            yield f"attempt {number} is recorded as {attempt.outcome}, without its class"
    told: Any = result.decision
    lacking = [name for name in STAMP if name not in told] if result.error is None else []
    if lacking:
        yield f"the record on the answer lacks {', '.join(lacking)}"
    elif "attempts" in told and len(told["attempts"]) != len(record.attempts):
        yield f"the caller was told of {len(told['attempts'])} attempts, and {len(record.attempts)} were made"
