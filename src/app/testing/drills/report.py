"""What a drill has shown: a cell for each call, and every policy that was broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sized

    from app.errors import Payer
    from app.testing.drills.groups import Unplayed
    from app.testing.drills.money import Money

MOST_NAMED = 3
"""How many features are named where there is little room; of more, the number is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One call: what was played, to which features, and what came of it. It holds no prompt and no key.

    `plan` names the hops, the attempts and the deadline. `ms` are milliseconds of the drill's clock, `money`
    micro-USD for the answer (None: there is none), `decision` the record that the caller was given.
    """

    features: tuple[str, ...]
    caller: str
    plan: str
    fault: str
    where: str
    outcome: str
    served_by: str | None
    payer: Payer | None
    attempts: int
    requests: int
    ms: int
    money: Money | None
    degraded_because: str | None
    broken: tuple[str, ...]
    decision: dict[str, Any] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"features": list(self.features), "broken": list(self.broken)}


class Broken(NamedTuple):
    """A policy that a call has broken."""

    features: tuple[str, ...]
    caller: str
    fault: str
    where: str
    what: str

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{named(self.features)}, called by {self.caller}, {self.fault}{where}: {self.what}"


@dataclass(slots=True)
class DrillReport:
    """All that a drill has shown so far. `finished`: nobody interrupted it. `seconds` of this machine.

    `str()` of it says which policies were broken: `assert not report.broken, report`.
    """

    profile: str
    about: str
    cells: list[Cell] = field(default_factory=list)
    unplayed: list[Unplayed] = field(default_factory=list)
    finished: bool = False
    seconds: float = 0.0

    @property
    def broken(self) -> list[Broken]:
        """Every broken policy, with the call that broke it."""
        return [
            Broken(cell.features, cell.caller, cell.fault, cell.where, what)
            for cell in self.cells
            for what in cell.broken
        ]

    @property
    def features(self) -> list[str]:
        """The features that were played, sorted."""
        return sorted({name for cell in self.cells for name in cell.features})

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        return {
            "profile": self.profile,
            "about": self.about,
            "finished": self.finished,
            "seconds": round(self.seconds, 3),
            "cells": [cell.to_dict() for cell in self.cells],
            "unplayed": [one._asdict() for one in self.unplayed],
            "broken": [one._asdict() | {"features": list(one.features)} for one in self.broken],
        }

    def __str__(self) -> str:
        found = self.broken
        calls = f"{counted(self.cells, 'call')} for {counted(self.features, 'feature')}"
        calls += f" in profile {self.profile}"
        ended = "" if self.finished else ", interrupted"
        if not found:
            return f"{calls}{ended}: every policy held"
        noun = "policy was" if len(found) == 1 else "policies were"
        return "\n".join([f"{calls}{ended}: {len(found)} {noun} broken", *(f"  {one}" for one in found)])


def named(features: tuple[str, ...]) -> str:
    """Return features as one phrase."""
    if len(features) <= MOST_NAMED:
        return ", ".join(features)
    return f"{', '.join(features[: MOST_NAMED - 1])} and {len(features) - MOST_NAMED + 1} more"


def counted(things: Sized, noun: str) -> str:
    """Return how many there are, in words: `1 call`, `2 calls`."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
