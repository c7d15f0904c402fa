"""The policies: what must hold in every call, whatever goes wrong."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from app.errors import PointsmanError, StreamBroken
from app.llm.failures import REJECTED_KEY
from app.testing.drills.calling import Verdict
from app.testing.drills.plays import unseen
from app.testing.drills.stage import key_of
from app.testing.faults.meanings import MEANS
from app.testing.faults.speech import TEXT
from app.testing.faults.table import FAULTS, OK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.llm.planning import Hop
    from app.testing.drills.evidence import Evidence
    from app.testing.faults.server import Served

TOLERANCE_S: Final = 1.0
"""Seconds by which a call may end late: a busy machine wakes threads up so much later."""
GRAIN_S: Final = 1.0
"""Seconds by which a date may be short of what was meant: headers know no parts of a second."""
TAKEN_FOR_ANSWERS: Final = frozenset({OK, "cut_after_finish", "slow_first_token", "stall"})
"""What may serve: everything was said before the end, or came late but in time."""
STAMP: Final = ("feature", "profile", "provider", "model", "payer", "hop", "plan", "attempts")
"""What the record on every answer holds."""


def broken_in(evidence: Evidence) -> Iterator[str]:
    """Yield each policy that a call has broken, as a person reads it."""
    for check in CHECKS:
        yield from check(evidence)


def within_budget(evidence: Evidence) -> Iterator[str]:
    """Yield what went beyond the plan's attempts or its deadline."""
    plan, made = evidence.group.plan, max(len(evidence.attempts), len(evidence.served))
    if made > plan.attempts:
        yield f"{made} attempts were made, and the plan has {plan.attempts}"
    if evidence.elapsed_s > plan.deadline_s + TOLERANCE_S:
        yield f"it took {evidence.elapsed_s:.1f} s, and the deadline is {plan.deadline_s:g} s"


def requests_recorded(evidence: Evidence) -> Iterator[str]:
    """Yield the providers that saw another number of requests than the record says."""
    hops = evidence.group.plan.hops
    refusing = {one.route.provider for one in (hops if evidence.play.at == "all" else hops[:1])}
    silent = refusing if unseen(evidence.play) else set()
    recorded = Counter[str]()
    for attempt in evidence.attempts:
        recorded[attempt.provider] += attempt.requests
    seen = Counter(one.asked.provider for one in evidence.served)
    for name in sorted((recorded.keys() | seen.keys()) - silent):
        if recorded[name] != seen[name]:
            yield f"{name} saw {seen[name]} requests, and the record has {recorded[name]}"
    if evidence.strays:
        yield f"{evidence.strays} requests asked for something else than an answer"


def keys_at_home(evidence: Evidence) -> Iterator[str]:
    """Yield the keys that were seen at another provider than their own."""
    providers = {hop.route.provider: hop.provider for hop in evidence.group.plan.hops}
    for name in sorted({one.asked.provider for one in evidence.served}):
        provider = providers.get(name)
        if provider is None:
            yield f"{name} was asked, and is no hop of the plan"
            continue
        known = {key_of(provider, "platform"), key_of(provider, "user")}
        if any(one.asked.provider == name and one.asked.key not in known for one in evidence.served):
            yield f"{name} was shown a key that isn't its own"


def payer_kept(evidence: Evidence) -> Iterator[str]:
    """Yield changes of the bill without leave, and requests on another bill than the record says."""
    row = evidence.group.plan.feature.row
    for before, after in pairwise(evidence.attempts):
        moved = (before.payer, after.payer)
        allowed = row.on_user_key_failure == "platform" and before.failure_class in REJECTED_KEY
        if moved == ("user", "platform") and not allowed:
            yield f"the bill moved to the platform after {before.failure_class}"
        elif moved == ("platform", "user"):
            yield "the bill moved from the platform to the user"
    for attempt, one in evidence.pairs:
        if one.asked.key != key_of(evidence.hop(attempt).provider, attempt.payer):
            yield f"a request at {attempt.provider} was on another bill than the {attempt.payer}'s"


def faults_understood(evidence: Evidence) -> Iterator[str]:
    """Yield the faults that were taken for something else."""
    for attempt, one in evidence.pairs:
        what = attempt.failure_class
        if what is not None and what not in MEANS.get(one.fault, ()):
            yield f"{one.fault} at {attempt.provider} was taken for {what}"


def waits_kept(evidence: Evidence) -> Iterator[str]:
    """Yield the requests that came back to a hop before the time that its provider had asked for."""
    for (before, one), (after, other) in pairwise(evidence.pairs):
        asked_s, waited_s = FAULTS[one.fault].wait_s, other.asked.at_s - one.asked.at_s
        if before.hop == after.hop and waited_s < asked_s - GRAIN_S:
            yield f"{after.provider} asked for {asked_s:g} s, and was asked again after {waited_s:.1f} s"


def table_followed(evidence: Evidence) -> Iterator[str]:
    """Yield the attempts that the table of failures doesn't allow after the failure before them."""
    table = evidence.group.plan.table
    for before, after in pairwise(evidence.attempts):
        what = before.failure_class
        if what is None or after.hedge:
            continue
        if before.payer == "user" and what in REJECTED_KEY:
            if after.payer == "user":
                yield f"the user's key was refused ({what}), and another attempt was made on the user's bill"
            continue
        action = table.action(what, before.payer)
        if action == "raise":
            yield f"another attempt was made after {what}, which is the call's end"
        elif after.hop == before.hop and action != "retry":
            yield f"the same hop was asked again after {what}, which says {action!r}"
        elif action == "larger" and not _is_larger(evidence.hop(after), evidence.hop(before)):
            yield f"a hop whose window isn't known to be larger was asked after {what}"
        elif after.hop < before.hop:
            yield f"the call went back from hop {before.hop} to hop {after.hop}"


def _is_larger(one: Hop, than: Hop) -> bool:
    return one.window is not None and than.window is not None and one.window > than.window


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


CHECKS: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    within_budget,
    requests_recorded,
    keys_at_home,
    payer_kept,
    faults_understood,
    waits_kept,
    table_followed,
    answer_is_whole,
    broken_streams_raise,
    error_is_ours,
    record_is_complete,
)
