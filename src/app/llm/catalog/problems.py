"""Places in catalog files, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]
"""The keys that lead to a value, from a file's top: ("profiles", "max", "routes", "trends")."""


SHIPPED = "shipped"
"""The layer of the catalog that comes with the package; other layers are named by their directory."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value is written: file, line (from 1; 0: the whole file), and the layer that it belongs to."""

    file: str
    line: int
    layer: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} ({self.layer})" if self.layer == SHIPPED else where


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a catalog, where it is, and what to do about it."""

    place: Place | None
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


@dataclass(frozen=True, slots=True)
class Places:
    """The place of every written value, by its path; a path that isn't written has its nearest parent's."""

    by_path: Mapping[Path, Place]

    def of(self, *path: str | int) -> Place | None:
        """Return the place of the value at this path, or of the nearest table around it."""
        for end in range(len(path), 0, -1):
            if place := self.by_path.get(path[:end]):
                return place
        return None
