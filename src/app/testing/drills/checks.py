"""The policies: what must hold in every call, whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.testing.drills import policies_of_answers as answers
from app.testing.drills import policies_of_attempts as attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.testing.drills.evidence import Evidence

CHECKS: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    attempts.within_budget,
    attempts.requests_recorded,
    attempts.keys_at_home,
    attempts.payer_kept,
    attempts.faults_understood,
    attempts.waits_kept,
    attempts.table_followed,
    answers.answer_is_whole,
    answers.broken_streams_raise,
    answers.error_is_ours,
    answers.record_is_complete,
)


def broken_in(evidence: Evidence) -> Iterator[str]:
    """Yield each policy that a call has broken, as a person reads it."""
    for check in CHECKS:
        yield from check(evidence)
