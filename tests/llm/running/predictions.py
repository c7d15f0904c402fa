"""What is asked of the model of the rules, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.errors import FailureClass, PointsmanError
    from tests.llm.running.actors import Target


class Limits(NamedTuple):
    """The budget of a call, in seconds and attempts."""

    deadline_s: float
    attempts: int
    first_token_s: float | None
    chunk_s: float


class Ask(NamedTuple):
    """How a caller asks, and when they lose their patience.

    `stops_after`: so many chunks of a stream are taken. `gives_up_at`: the wait that they don't wait for.
    """

    streaming: bool = False
    in_a_loop: bool = False
    structured: bool = False
    raw: bool = False
    stops_after: int | None = None
    gives_up_at: int | None = None


class Tried(NamedTuple):
    """How an attempt ended. `heard` are the texts of the chunks that were handed on, if it was `begun`."""

    outcome: str
    failure: FailureClass | None = None
    heard: tuple[str, ...] = ()
    begun: bool = False
    misfit: bool = False
    retry_after_s: float | None = None
    sent: bool = True


@dataclass
class Prediction:
    """What a call comes to. `attempts` are (hop, outcome, class), `texts` what the caller got."""

    attempts: list[tuple[int, str, FailureClass | None]] = field(default_factory=list)
    asked: list[Target] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    outcome: str = "failed"
    served_by: int | None = None
    error: type[PointsmanError] | None = None
    texts: tuple[str, ...] = ()
    fits: bool = True
    mistake: bool = False
    """Whether the caller gets what the SDK raised: nobody was asked."""
    seconds: float = 0.0


@dataclass
class Heard:
    """What was heard of a stream so far. `until` is the moment until which more of it has to come."""

    until: float
    begun: bool = False
    finished: bool = False
    handed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def release(self) -> None:
        """Hand on what was held back."""
        self.handed, self.held = self.handed + self.held, []

    def ends(self, outcome: str, failure: FailureClass | None = None) -> Tried:
        """Return how the attempt ended."""
        return Tried(outcome, failure, tuple(self.handed), self.begun)
