"""One run of filing: from the lines of the input to the file of results."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import TYPE_CHECKING

from app.cli.filing.results import result_of
from app.folders.batch import afinished
from app.llm.failures import REJECTED_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from app.cli.filing.reading import Line, Row
    from app.cli.filing.results import ResultFile
    from app.cli.filing.tally import Tally
    from app.folders import FolderAssigner

    class Watcher(Protocol):
        """Who watches a run."""

        def advanced(self) -> None:
            """One more line of the input is done with."""
            ...

        def skipped(self, line: Line) -> None:
            """A line can't be used."""
            ...


class Run:
    """One run: files what isn't filed yet, keeps every result at once, counts everything."""

    def __init__(self, assigner: FolderAssigner, results: ResultFile, tally: Tally, watcher: Watcher) -> None:
        self._assigner, self._results, self._tally, self._watcher = assigner, results, tally, watcher
        self.refused: str | None = None
        """The failure class with which the provider refused the platform's key, if it did: the run's end."""

    async def file(self, lines: Iterable[Line], *, limit: int | None, concurrency: int) -> None:
        """File the rows of these lines, at most `limit` of them, so many at once.

        :raises OSError: a result can't be written. What was written before stays.
        """
        rows = islice(self._usable(lines), limit)
        unfiled = (numbered for numbered in rows if not self._kept(*numbered))
        wanted = takewhile(lambda _: self.refused is None, unfiled)
        async for _ in afinished(self._file_one, wanted, concurrency):
            self._watcher.advanced()

    async def _file_one(self, numbered: tuple[int, Row]) -> None:
        number, row = numbered
        assignment = await self._assigner.aassign(row.user_folders, row.conversation)
        if assignment.failure in REJECTED_KEY:
            # All others would fail alike: filed in fallbacks, none of them would be asked about on resuming.
            self.refused = assignment.failure
            return
        # Nothing is awaited from here on: an interrupted run keeps all that was finished.
        self._results.add(result_of(number, row.id, assignment))
        self._tally.add(row, assignment)

    def _usable(self, lines: Iterable[Line]) -> Iterator[tuple[int, Row]]:
        for line in lines:
            if line.row is not None:
                yield line.number, line.row
            else:
                self._tally.problems += 1
                self._watcher.skipped(line)

    def _kept(self, number: int, row: Row) -> bool:
        result = self._results.kept.get(number)
        if result is None:
            return False
        self._tally.add(row, result)
        self._tally.earlier += 1
        self._watcher.advanced()
        return True
