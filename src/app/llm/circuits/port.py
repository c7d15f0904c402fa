"""The port that circuit state stands behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from app.errors import Payer
    from app.llm.catalog.rows import CircuitRow


class CircuitKey(NamedTuple):
    """What fails or works together. A class of payers shares a circuit, never the two of them."""

    provider: str
    model: str
    payer: Payer


class Passage(NamedTuple):
    """Whether an attempt may be made now. `probe`: it is the one that tries a half-open circuit out.

    `until`: Unix seconds at which an open circuit lets the next probe through.
    """

    allowed: bool
    probe: bool = False
    until: float = 0.0


FREE: Final = Passage(allowed=True)
"""The circuit is closed."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """A circuit as a person reads it. `until`: Unix seconds, of an open one."""

    state: Literal["closed", "open", "half_open"]
    where: Literal["local", "shared"]
    failures: int = 0
    until: float | None = None


class Circuits(Protocol):
    """The circuits of a process, or of several. None of its methods raises, or waits for a network."""

    def admit(self, key: CircuitKey) -> Passage:
        """Return whether an attempt may be made. Who is given a probe ends it with one of the next three."""
        ...

    def succeeded(self, key: CircuitKey) -> None:
        """Note that the provider answered: failures are forgotten, and a half-open circuit closes.

        An open one stays open: the answer is to a request from before.
        """
        ...

    def failed(self, key: CircuitKey, row: CircuitRow, retry_after_s: float | None = None) -> None:
        """Note a failure that counts; enough of them open the circuit, at least for `retry_after_s`."""
        ...

    def released(self, key: CircuitKey) -> None:
        """Note that an attempt ended without a verdict (cancelled, say): another one may be the probe."""
        ...

    def state(self, key: CircuitKey) -> CircuitState:
        """Return the circuit as it is now. It changes nothing."""
        ...

    def close(self) -> None:
        """End what runs in the background. Calling it twice is no error."""
        ...
