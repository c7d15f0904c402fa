"""What is known of one call once it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.llm.planning import Hop
    from app.llm.running.record import AttemptRecord, CallRecord
    from app.testing.drills.calling import Result
    from app.testing.drills.groups import Group
    from app.testing.drills.plays import Play
    from app.testing.faults.server import Served


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of one call: what was played, what servers saw, and what the layer says of it.

    `elapsed_s` are seconds of the drill's clock, which runs fast in waits, up to the deadline.
    """

    group: Group
    play: Play
    result: Result
    served: tuple[Served, ...]
    strays: int
    records: list[CallRecord]
    elapsed_s: float

    @property
    def record(self) -> CallRecord | None:
        """The record of the call."""
        return self.records[0] if self.records else None

    @property
    def attempts(self) -> list[AttemptRecord]:
        """The attempts of the record."""
        return self.record.attempts if self.record is not None else []

    @property
    def pairs(self) -> list[tuple[AttemptRecord, Served]]:
        """Each attempt with the request that a server saw of it; none where their numbers differ."""
        sent = [attempt for attempt in self.attempts if attempt.requests]
        same = len(sent) == len(self.served) and not any(attempt.hedge for attempt in sent)
        return list(zip(sent, self.served, strict=True)) if same else []

    def hop(self, attempt: AttemptRecord) -> Hop:
        """Return the hop that an attempt was made at."""
        return self.group.plan.hops[attempt.hop - 1]
