"""The input: one JSON object a line, each a conversation with its user's folders."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InputError
from app.folders import Conversation, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Row(BaseModel):
    """A line of the input. What else stands there (labels, sources) is read by nobody."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    id: str = Field(min_length=1)
    user_folders: list[Folder]
    conversation: Conversation
    kind: str | None = None
    expected_folder_id: str | None = None

    @property
    def labelled(self) -> bool:
        """Whether the right folder is known; it may be known to be none."""
        return "expected_folder_id" in self.model_fields_set


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the input by its number (from 1): a row, or the reason why there is none."""

    number: int
    row: Row | None
    problem: str = ""


def lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a .jsonl or .jsonl.gz file, one at a time; blank ones are passed over.

    :raises InputError: the file can't be opened or read on.
    """
    first_seen: dict[str, int] = {}
    for number, text in _texts(path):
        try:
            row = Row.model_validate_json(text)
        except ValidationError as error:
            yield Line(number, None, _reason(error))
            continue
        first = first_seen.setdefault(row.id, number)
        if first == number:
            yield Line(number, row)
        else:
            yield Line(number, None, f"id {row.id!r} was on line {first} already")


def count(path: Path) -> int | None:
    """Return how many lines `lines` will yield, or None for what can be read only once (a pipe)."""
    return sum(1 for _ in _texts(path)) if path.is_file() else None


def _texts(path: Path) -> Iterator[tuple[int, bytes]]:
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rb") as file:
            for number, text in enumerate(file, 1):
                content = text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text
                if content.strip():
                    yield number, content
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        where = f"{path}, after line {number}" if number else str(path)
        raise InputError(f"{where}: can't be read: {reason}") from error


def _reason(error: ValidationError) -> str:
    """Return what is wrong first, by place, without the value."""
    details = error.errors(include_input=False, include_url=False, include_context=False)
    place = ".".join(str(part) for part in details[0]["loc"])
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{place}: {details[0]['msg']}{more}" if place else f"{details[0]['msg']}{more}"
