"""What stands before a hop: its circuit and its rate limits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from app.llm.circuits.counting import verdict
from app.llm.rates.port import RateKey

if TYPE_CHECKING:
    from app.errors import FailureClass
    from app.llm.circuits.port import Circuits, CircuitState
    from app.llm.clock import Clock
    from app.llm.planning import Hop
    from app.llm.rates.port import Rates


class Gates:
    """The circuits and rate limits that calls pass, asked about hops."""

    __slots__ = ("_circuits", "_clock", "_rates")

    def __init__(self, clock: Clock, circuits: Circuits, rates: Rates) -> None:
        self._clock, self._circuits, self._rates = clock, circuits, rates

    def wait_at(self, hop: Hop) -> float:
        """Return 0.0 if the hop's circuit lets an attempt through, else the seconds until it may.

        Who is let through says at the end how it went, with one of `served`, `failed` and `left`.
        """
        if hop.circuit is None:
            return 0.0
        passage = self._circuits.admit(hop.circuit)
        return 0.0 if passage.allowed else max(0.001, passage.until - self._clock.unix())

    def state(self, hop: Hop) -> CircuitState | None:
        """Return the hop's circuit as it is now; None: it has none."""
        return None if hop.circuit is None else self._circuits.state(hop.circuit)

    def stays_shut(self, hop: Hop, seconds: float) -> bool:
        """Whether the hop's circuit is open, and will still be after so many seconds."""
        state = self.state(hop)
        return state is not None and state.until is not None and state.until > self._clock.unix() + seconds

    def take(self, hop: Hop, user_id: str | None) -> float:
        """Count a request against the hop's rate limits, and return 0.0; else the seconds to wait."""
        return self._rates.take(_key(hop, user_id), hop.rates)

    async def atake(self, hop: Hop, user_id: str | None) -> float:
        """Do as `take` does, without blocking the event loop."""
        return await self._rates.atake(_key(hop, user_id), hop.rates)

    def served(self, hop: Hop) -> None:
        """Note that the hop's provider answered."""
        if hop.circuit is not None:
            self._circuits.succeeded(hop.circuit)

    def left(self, hop: Hop) -> None:
        """Note that an attempt says nothing about the provider."""
        if hop.circuit is not None:
            self._circuits.released(hop.circuit)

    def failed(self, hop: Hop, failure_class: FailureClass, retry_after_s: float | None) -> None:
        """Note a failure, as far as it says something about the provider."""
        if hop.circuit is None or hop.circuit_row is None:
            return
        match verdict(failure_class, hop.payer):
            case "failed":
                self._circuits.failed(hop.circuit, hop.circuit_row, retry_after_s)
            case "succeeded":
                self._circuits.succeeded(hop.circuit)
            case _:
                self._circuits.released(hop.circuit)


def _key(hop: Hop, user_id: str | None) -> RateKey:
    """Return what a hop's requests are counted under. A user's name leaves this process as a hash only."""
    whose = user_id or "" if hop.payer == "user" else ""
    holder = hashlib.sha256(whose.encode()).hexdigest()[:16] if whose else ""
    return RateKey(hop.route.provider, hop.route.model, hop.payer, holder)
