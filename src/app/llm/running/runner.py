"""What the calls of all plans share: time, chance, circuits, rate limits, and who is told of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.llm.byok.health.conditions import KeyFailure
from app.llm.byok.health.feeding import feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.byok.health.conditions import KeyHealth
    from app.llm.clients.spec import Grant
    from app.llm.clock import Clock
    from app.llm.failures import Failure
    from app.llm.planning import Hop
    from app.llm.running.gates import Gates
    from app.llm.running.hedging import Hedging
    from app.llm.running.record import CallRecord


def spread(longest: float) -> float:
    """Return a random part of so many seconds (full jitter)."""
    return random.uniform(0.0, longest)  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True, slots=True, eq=False)
class Runner:
    """What calls are run with. `tell` is given the record of each ended call: it doesn't wait or raise.

    Compared by identity.
    """

    clock: Clock
    gates: Gates
    key_health: KeyHealth
    tell: Callable[[CallRecord], None] | None = None
    spread: Callable[[float], float] = spread
    hedging: Hedging | None = None

    def note_key(self, grant: Grant | None, user_id: str | None, hop: Hop, failure: Failure | None) -> None:
        """Tell key health how a call on a user's own key ended (R8: the credential says whose it is)."""
        credential = grant.credential if grant is not None else None
        if user_id is None or credential is None or credential.payer != "user":
            return
        seen = None if failure is None else partial(KeyFailure.of, failure)
        feed(self.key_health, user_id, hop.credential.provider, credential, seen)
