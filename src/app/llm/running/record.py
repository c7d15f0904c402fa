"""The record of a call: its plan, the attempts that were made, who served it, and why not the first hop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from app.errors import FailureClass, Payer
    from app.llm.planning import Hop, Plan

Ending = Literal["answered", "failed", "abandoned", "cancelled"]
"""How an attempt, or a call, ended. Abandoned: nobody listened to the rest of a stream."""
PassedOver = Literal["circuit_open", "rate_limit"]
"""Why a hop's turn came and no attempt was made."""
Slow = Literal["slow"]
"""Why a first hop doesn't serve that didn't fail: another one that was asked beside it answered first."""

MS = 1000.0


@dataclass(slots=True)
class AttemptRecord:
    """One attempt: at which hop, on whose bill, and how it ended. `hop` counts from 1.

    `ms`: milliseconds from the first preparation to the end; `requests` is how many left the process (0 or
    1); `request_id` is the provider's own. `hedge`: it was started while another one was under way.
    """

    hop: int
    provider: str
    model: str
    payer: Payer
    outcome: Ending | Literal["under_way"] = "under_way"
    failure_class: FailureClass | None = None
    status: int | None = None
    ms: float = 0.0
    request_id: str | None = None
    requests: int = 0
    hedge: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; what isn't known is left out."""
        plain: dict[str, Any] = {
            "hop": self.hop,
            "provider": self.provider,
            "model": self.model,
            "payer": self.payer,
            "outcome": self.outcome,
            "ms": round(self.ms, 3),
            "requests": self.requests,
        }
        more = {"class": self.failure_class, "status": self.status, "request_id": self.request_id}
        plain |= {name: value for name, value in more.items() if value is not None}
        return plain | ({"hedge": True} if self.hedge else {})


@dataclass(frozen=True, slots=True)
class Skip:
    """A hop whose turn came and that was not asked. `wait_s`: seconds until it could have been."""

    hop: int
    provider: str
    model: str
    payer: Payer
    reason: PassedOver
    wait_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"wait_s": round(self.wait_s, 3)}


@dataclass(slots=True)
class CallRecord:
    """What became of one call of a plan. There is no prompt, no answer and no secret in it.

    `served_by` is the hop that answered, from 1. `began` are Unix seconds, `ms` milliseconds of the whole
    call. `degraded_because`: what kept the first hop from serving, or the plan from serving at all.
    """

    plan: Plan
    user_id: str | None
    began: float
    attempts: list[AttemptRecord] = field(default_factory=list)
    passed_over: list[Skip] = field(default_factory=list)
    outcome: Ending | Literal["under_way"] = "under_way"
    served_by: int | None = None
    ms: float = 0.0

    @property
    def degraded_because(self) -> FailureClass | PassedOver | Slow | None:
        """Return why the first hop doesn't serve this call, None if it does (or still may)."""
        if self.served_by == 1:
            return None
        first: list[FailureClass | PassedOver] = [
            one.failure_class for one in self.attempts if one.hop == 1 and one.failure_class is not None
        ]
        first += [one.reason for one in self.passed_over if one.hop == 1]
        if not first and self.served_by is not None and any(one.hop == 1 for one in self.attempts):
            return "slow"
        return first[0] if first else None

    def stamp(self, hop: Hop, model: str | None = None) -> dict[str, Any]:
        """Return who serves and who pays: what the first chunk of a stream can say already."""
        return {
            "feature": self.plan.feature.name,
            "profile": self.plan.profile,
            "provider": hop.route.provider,
            "model": model or hop.route.model,
            "payer": hop.payer,
            "hop": hop.number,
        }

    def evidence(self) -> dict[str, Any]:
        """Return the plan, the attempts so far, and why the first hop didn't serve."""
        found: dict[str, Any] = {
            "plan": [hop.named for hop in self.plan.hops],
            "attempts": [one.to_dict() for one in self.attempts],
            "degraded_because": self.degraded_because,
        }
        if self.passed_over:
            found["passed_over"] = [one.to_dict() for one in self.passed_over]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        return {
            "feature": self.plan.feature.name,
            "profile": self.plan.profile,
            "user_id": self.user_id,
            "outcome": self.outcome,
            "served_by": self.served_by,
            "began": self.began,
            "ms": round(self.ms, 3),
            **self.evidence(),
        }
