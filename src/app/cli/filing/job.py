"""The job of `folders assign`: runs it, and says how it ended."""

from __future__ import annotations

import asyncio
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.cli.ending import INTERRUPTED, JOB_FAILED, complain, exit_code
from app.cli.filing.reading import count, lines
from app.cli.filing.report import print_report
from app.cli.filing.results import ResultFile
from app.cli.filing.run import Run
from app.cli.filing.tally import Tally
from app.cli.filing.watching import ProgressBar
from app.cli.printing import print_json
from app.errors import InputError, PointsmanError
from app.folders.last_resort import FEATURE

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Files:
    """What a job reads, where its results go, and what becomes of results that are there already."""

    given: Path
    out: Path
    resume: bool
    overwrite: bool

    def open_results(self) -> ResultFile:
        """Open the file of results.

        :raises InputError: it can't be written, would destroy something, or belongs to another input.
        """
        if self.out.exists() and self.out.samefile(self.given):
            raise InputError(f"{self.out} is the input itself: name another --out")
        if self.resume:
            return ResultFile.resume(self.out, self.given)
        return ResultFile.create(self.out, overwrite=self.overwrite)


def results_path(given: Path) -> Path:
    """Return where results go unless the caller says otherwise: beside the input."""
    name = given.name.removesuffix(".gz").removesuffix(".jsonl")
    return given.with_name(f"{name}.assigned.jsonl")


class FilingJob:
    """One `folders assign`: its files, its count, and how it ended."""

    def __init__(self, container: Any, files: Files) -> None:  # noqa: ANN401 - a DynamicContainer
        self._container, self._files = container, files
        self._tally = Tally()
        self._profile, self._seconds = "", 0.0
        self._stopped: int | None = None

    def run(self, *, limit: int | None, concurrency: int) -> None:
        """File what isn't filed yet, until the end or until something stops it.

        :raises ConfigurationError: no call could be made; no file of results has been touched.
        :raises InputError: a file can't be used.
        """
        # Before the results are opened: a missing key must not leave an empty file behind.
        service = self._container.llm_service()
        service.plan(FEATURE)
        self._profile = service.profile
        total = count(self._files.given)
        results = self._files.open_results()
        started = time.monotonic()
        try:
            with ProgressBar(total, limit) as bar:
                service.warm_up([FEATURE])
                run = Run(self._container.folder_assigner(), results, self._tally, bar)
                asyncio.run(run.file(lines(self._files.given), limit=limit, concurrency=concurrency))
            if run.refused:
                self._stop(JOB_FAILED, f"the provider refused the platform's key: {run.refused}")
        except KeyboardInterrupt:
            self._stop(INTERRUPTED, "interrupted")
        except PointsmanError as error:
            self._stop(exit_code(error), str(error))
        except OSError as error:
            self._stop(JOB_FAILED, f"{self._files.out}: can't be written on: {error.strerror}")
        finally:
            self._seconds = time.monotonic() - started
            results.close()

    @property
    def exit_code(self) -> int:
        """What stopped the job, else 1 if lines were skipped or the model never answered, else 0."""
        if self._stopped is not None:
            return self._stopped
        return JOB_FAILED if self._tally.problems or self._tally.model_never_answered else 0

    def report(self, *, as_json: bool) -> None:
        """Print what was counted, and where the results are."""
        if as_json:
            record = {"results": str(self._files.out), "finished": self._stopped is None}
            print_json(record | self._tally.to_dict() | {"seconds": round(self._seconds, 3)})
        else:
            print_report(self._tally, self._seconds)
        if self._stopped is None and not as_json:
            complain(f"the results are in {self._files.out}")
        elif self._stopped is not None:
            complain(f"{self._tally.all.count} results are kept; go on with: {self._command_to_resume()}")

    def _stop(self, code: int, why: str) -> None:
        self._stopped = code
        complain(why)

    def _command_to_resume(self) -> str:
        words = ["pointsman", "folders", "assign", str(self._files.given), "--out", str(self._files.out)]
        return shlex.join([*words, "--profile", self._profile, "--resume"])
