"""Whether a plan's calls are hedged now, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.llm.running.hedging import REQUESTS, company_of, kind_of
from app.llm.running.latencies import ENOUGH

if TYPE_CHECKING:
    from app.llm.catalog.rows import HedgeRow
    from app.llm.planning import Hop, Plan
    from app.llm.running.hedging import Hedging
    from app.llm.running.latencies import Usual
    from app.llm.running.runner import Runner


def outlook(plan: Plan, runner: Runner) -> str | None:
    """Return when a plan's first hop gets company, or why it doesn't now; None: its feature doesn't hedge."""
    row, hedging = plan.feature.row.hedge, runner.hedging
    if row is None or hedging is None or not plan.hops:
        return None
    second = company_of(plan, plan.first, row)
    if second is None or plan.attempts < REQUESTS:
        return f"not hedged: {_why_never(plan, row)}"
    held_up = _held_up(plan, second, hedging, runner)
    return (
        f"hedged to hop {second.number} after the recent p95 of hop 1 ({_pace(plan, hedging)}), "
        f"at most {100 * row.share:g} % of calls{held_up and f'; not now: {held_up}'}"
    )


def _why_never(plan: Plan, row: HedgeRow) -> str:
    first = plan.first
    if first.spec.user_named:
        return "how long a user's own endpoint takes is known for no two users together"
    if first.payer == "user" and not row.on_user_key:
        return "the user's key pays, and hedge.on_user_key isn't true"
    if plan.attempts < REQUESTS:
        return f"attempts = {plan.attempts} leaves no second request"
    return f"no later hop is on the {first.payer}'s bill"


def _pace(plan: Plan, hedging: Hedging) -> str:
    """Return what is known of answers and of streams: `now 1.23 s, 57 samples`."""
    whole, streams = (
        hedging.latencies.usual(kind_of(plan, plan.first, streaming=streaming)) for streaming in (False, True)
    )
    if not streams.samples:
        return _known(whole)
    if not whole.samples:
        return f"streams: {_known(streams)}"
    return f"answers: {_known(whole)}; streams: {_known(streams)}"


def _known(usual: Usual) -> str:
    if usual.p95 is None:
        return f"not known yet, {usual.samples} of {ENOUGH} samples"
    return f"now {usual.p95:.3g} s, {usual.samples} samples"


def _held_up(plan: Plan, second: Hop, hedging: Hedging, runner: Runner) -> str:
    """Return what keeps a second request back for the moment, "" if nothing does."""
    if runner.gates.stays_shut(second, 0.0):
        return f"the circuit of hop {second.number} is open"
    if not hedging.shares.has(plan.feature.name):
        return "the share isn't earned yet"
    return ""
