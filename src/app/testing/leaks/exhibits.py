"""What sinks show to the kit, and what the kit makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from app.testing.leaks.canaries import Canary

Allows = Callable[["Canary"], bool]


def nothing(canary: Canary) -> bool:
    """Allow no canary: what log lines, warnings, printed text and the repr of things may show."""
    del canary
    return False


def prompts(canary: Canary) -> bool:
    """Allow prompts, and no key: what tracers may be told, and what the variables of frames may hold."""
    return canary.kind == "prompt"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A text that a sink has seen, its place, and which canaries may be there."""

    place: str
    text: str
    allows: Allows = nothing


class Sink(Protocol):
    """A place where secrets end up. A product adds its own: `LeakKit(sinks=[MySink()])`."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def open(self) -> None:
        """Begin to watch."""
        ...

    def close(self) -> None:
        """Stop watching, and leave everything as it was found. What was seen stays."""
        ...

    def exhibits(self) -> Iterable[Exhibit]:
        """Return everything seen so far."""
        ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """A canary where it may not be: in which sink, at which place, in which form."""

    canary: Canary
    sink: str
    place: str
    form: str

    def __str__(self) -> str:
        return f"{self.canary.name} ({self.form}) in {self.sink}: {self.place}"


class Leaked(AssertionError):
    """Canaries were seen where they may not be. The message names each place, and shows no canary.

    It is a test's verdict and no failure of the layer, so an AssertionError and no PointsmanError.
    """

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        self.sightings = tuple(sightings)
        lines = [f"  {sighting}" for sighting in sightings]
        super().__init__("\n".join([f"{len(lines)} leaked:", *lines]))


def search(exhibit: Exhibit, sink: str, canaries: Iterable[Canary]) -> Iterator[Sighting]:
    """Yield the canaries that an exhibit shows and may not show."""
    lowered = exhibit.text.lower()
    for canary in canaries:
        form = canary.form_in(exhibit.text, lowered)
        if form is not None and not exhibit.allows(canary):
            yield Sighting(canary, sink, exhibit.place, form)
