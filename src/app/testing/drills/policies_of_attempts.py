"""The policies of attempts: how many, when, on whose bill, with which key, and after which failure."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from app.llm.failures import REJECTED_KEY
from app.testing.drills.plays import unseen
from app.testing.drills.stage import key_of
from app.testing.faults.meanings import MEANS
from app.testing.faults.table import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.planning import Hop
    from app.testing.drills.evidence import Evidence

TOLERANCE_S: Final = 1.0
"""Seconds by which a call may end late: a busy machine wakes threads up so much later."""
GRAIN_S: Final = 1.0
"""Seconds by which a date may be short of what was meant: headers know no parts of a second."""


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
