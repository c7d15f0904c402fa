"""Playing a whole matrix: groups of features x plays, several at a time."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, NamedTuple

from app.llm.clock import SystemClock
from app.testing.drills.groups import grouped
from app.testing.drills.player import Player
from app.testing.drills.report import DrillReport
from app.testing.faults.server import FaultServer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from concurrent.futures import Future

    from app.llm.catalog.model import Catalog
    from app.testing.drills.groups import Group
    from app.testing.drills.plays import Play
    from app.testing.drills.report import Cell
    from app.testing.drills.scenario import Scenario
    from app.testing.drills.stage import Subject

NOBODY: Final = "http://127.0.0.1:9"
"""Where providers are while plans are only made."""
AT_ONCE: Final = 4
"""Calls that are played side by side: most of their time they wait."""


class Turn(NamedTuple):
    """One call that is to be played."""

    group: Group
    play: Play


class Drill:
    """One drill of a subject. `turns` are the calls that it plays, `report` what they have shown so far.

    :raises UnknownFeature: a feature is named that nobody declared.
    :raises UnknownProvider: a caller has a key for a provider that nobody declared.
    """

    def __init__(self, subject: Subject, scenario: Scenario, features: Iterable[str] | None = None) -> None:
        self._subject, self._providers = subject, list(subject.catalog.providers)
        self.report = DrillReport(subject.profile, scenario.about)
        with subject.container(dict.fromkeys(self._providers, NOBODY), SystemClock(), []) as container:
            service = container.llm_service()
            names = _names(service.catalog, scenario, features)
            groups, self.report.unplayed = grouped(service, scenario, names)
            service.warm_up(dict.fromkeys(group.features[0] for group in groups))
        self.turns = [Turn(group, play) for group in groups for play in group.plays(scenario)]
        self._cells: dict[int, Cell] = {}

    def run(self) -> Generator[Cell]:
        """Play what is left, and yield each cell as it is done; what was played before stays in the report.

        Ended early (an interrupt, a closed generator), it plays to the end only what has begun.
        """
        began = time.monotonic()
        with ExitStack() as stack:
            players: SimpleQueue[Player] = SimpleQueue()
            for _ in range(AT_ONCE):
                players.put(Player(self._subject, stack.enter_context(FaultServer(self._providers))))
            threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE, thread_name_prefix="drill"))
            stack.callback(threads.shutdown, wait=True, cancel_futures=True)
            pending = {
                threads.submit(_played, players, turn): number
                for number, turn in enumerate(self.turns)
                if number not in self._cells
            }
            yield from self._finished(pending, began)
        self.report.finished = True

    def _finished(self, pending: dict[Future[Cell], int], began: float) -> Iterator[Cell]:
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                cell = self._cells[pending.pop(future)] = future.result()
                self.report.cells = [self._cells[number] for number in sorted(self._cells)]
                self.report.seconds = time.monotonic() - began
                yield cell


def _names(catalog: Catalog, scenario: Scenario, features: Iterable[str] | None) -> list[str]:
    """Return the features that are wanted, after a look at all names that the scenario gives."""
    for row in scenario.callers.values():
        for provider in row.keys if row.keys != "first" else ():
            catalog.provider(provider)
    wanted = list(dict.fromkeys(features or scenario.features)) or sorted(catalog.features)
    return [catalog.feature(name).name for name in wanted]


def _played(players: SimpleQueue[Player], turn: Turn) -> Cell:
    player = players.get()
    try:
        return player.play(*turn)
    finally:
        players.put(player)
