"""Measuring CPU time of contenders in turn, so that a busy machine is unfair to all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: two costs in `unit`, and an aim for their ratio or for the one measured."""

    name: str
    measured: float
    reference: float
    unit: str
    reference_name: str
    aim: float | None = None
    aim_is_for_ratio: bool = True

    @property
    def ratio(self) -> float:
        """Measured over reference."""
        return self.measured / self.reference

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.aim is None:
            return None
        return (self.ratio if self.aim_is_for_ratio else self.measured) <= self.aim


def in_turn(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return each contender's median over rounds in which all of them take their turn, in changing order.

    A contender does its work and returns what it cost.
    """
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 else list(reversed(contenders))
        for name in names:
            gc.collect()
            costs[name].append(contenders[name]())
    return {name: statistics.median(values) for name, values in costs.items()}


def cpu_each(work: Callable[[], object], times: int) -> float:
    """Return the CPU time of this process in microseconds for one piece of work, over so many of them."""
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * MICRO
