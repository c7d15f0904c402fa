"""The results: one JSON object a line, written and flushed as each is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from app.cli.filing.reading import lines
from app.errors import InputError
from app.folders import Assignment

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self


class _Origin(BaseModel):
    """The line (from 1) and the id of the input that a result is for."""

    line: int
    id: str


class Result(Assignment, _Origin):
    """A line of the results: an assignment, and where it comes from."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def result_of(line: int, identity: str, assignment: Assignment) -> Result:
    """Return the result of a line of the input."""
    return Result(line=line, id=identity, **dict(assignment))


class ResultFile:
    """The file of results. A line is in it as soon as `add` has returned; resuming drops a torn last line.

    `kept` are the results that were there before, by line of the input.
    """

    def __init__(self, file: io.FileIO, kept: dict[int, Result]) -> None:
        self._file = file
        self.kept = kept

    @classmethod
    def create(cls, path: Path, *, overwrite: bool) -> Self:
        """Open a new file; an existing one only to be overwritten.

        :raises InputError: there is one already, or it can't be written.
        """
        try:
            return cls(open(path, "wb" if overwrite else "xb", buffering=0), {})  # noqa: PTH123 - kept open
        except FileExistsError as error:
            raise InputError(
                f"{path} exists already: go on with --resume, or begin anew with --overwrite or another --out"
            ) from error
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror}") from error

    @classmethod
    def resume(cls, path: Path, given: Path) -> Self:
        """Open the file to go on where it ends; a new one if there is none.

        :raises InputError: it can't be read or written, or it holds results of something else than `given`.
        """
        if not path.exists():
            return cls.create(path, overwrite=False)
        try:
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            kept = dict(_results(path, whole))
            check_origin(path, kept, given)
            file = open(path, "r+b", buffering=0)  # noqa: PTH123, SIM115 - kept open
        except OSError as error:
            raise InputError(f"{path}: can't be written: {error.strerror}") from error
        file.truncate(len(whole))
        file.seek(len(whole))
        return cls(file, kept)

    def add(self, result: Result) -> None:
        """Write one result, whole. Raises OSError if it can't be written (no space left, say)."""
        left = memoryview(result.model_dump_json().encode() + b"\n")
        while left:
            left = left[self._file.write(left) or 0 :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _results(path: Path, content: bytes) -> Iterator[tuple[int, Result]]:
    for number, text in enumerate(content.splitlines(), 1):
        try:
            result = Result.model_validate_json(text)
        except ValidationError as error:
            raise InputError(
                f"{path}, line {number}: is no result of filing; --resume can't go on"
            ) from error
        yield result.line, result


def check_origin(path: Path, kept: dict[int, Result], given: Path) -> None:
    """Raise InputError unless all kept results are for lines of the given input."""
    missing = dict(kept)
    for line in lines(given) if kept else ():
        result = missing.get(line.number)
        if result is not None and line.row is not None and line.row.id == result.id:
            del missing[line.number]
        if not missing:
            return
    if missing:
        number, result = min(missing.items())
        raise InputError(
            f"{path} holds results of another input: it has {result.id!r} for line {number} of {given}"
        )
