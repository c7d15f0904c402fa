"""Watching a run: a progress bar where somebody looks, and a line for each line that can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.printing import console

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from app.cli.filing.reading import Line


class ProgressBar:
    """A progress bar on standard error over the lines of the input (None: nobody knows how many).

    With a limit it ends after so many usable ones.
    """

    def __init__(self, lines: int | None, limit: int | None) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = console(stderr=True)
        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._lines, self._limit, self._skipped = lines, limit, 0
        self._task = self._progress.add_task("filing", total=self._total())

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advanced(self) -> None:
        """Move on by one line."""
        self._progress.advance(self._task)

    def skipped(self, line: Line) -> None:
        """Say which line can't be used, and why."""
        self._console.print(f"line {line.number} skipped: {line.problem}", soft_wrap=True)
        self._skipped += 1
        self._progress.update(self._task, advance=1, total=self._total())

    def _total(self) -> int | None:
        if self._lines is None or self._limit is None:
            return self._lines
        return min(self._lines, self._limit + self._skipped)
