"""Counting results: what was filed, by whom, how well, and at what cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.cli.filing.reading import Row
    from app.folders import Assignment


@dataclass(slots=True)
class Score:
    """How many assignments there are of a kind, and of those whose folder is known, how many are right."""

    count: int = 0
    labelled: int = 0
    right: int = 0

    def add(self, row: Row, assignment: Assignment) -> None:
        """Count one assignment."""
        self.count += 1
        if row.labelled:
            self.labelled += 1
            self.right += assignment.folder_id == row.expected_folder_id

    @property
    def accuracy(self) -> float | None:
        """The share of right ones among the labelled, 0..1; None where nothing is labelled."""
        return self.right / self.labelled if self.labelled else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        accuracy = None if self.accuracy is None else round(self.accuracy, 4)
        return {"count": self.count, "labelled": self.labelled, "right": self.right, "accuracy": accuracy}


@dataclass(slots=True)
class Tally:
    """All that is counted of one run. `seconds` are summed over assignments, which may run side by side."""

    all: Score = field(default_factory=Score)
    filed: int = 0
    earlier: int = 0
    problems: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answered_by: dict[str, Score] = field(default_factory=dict)
    kinds: dict[str, Score] = field(default_factory=dict)
    tokens_read: int = 0
    tokens_written: int = 0
    tokens_not_reported: int = 0
    """Assignments whose tokens no provider counted."""
    seconds: float = 0.0

    def add(self, row: Row, assignment: Assignment) -> None:
        """Count one assignment."""
        self.all.add(row, assignment)
        self.filed += assignment.folder_id is not None
        self.statuses[assignment.status] += 1
        if assignment.failure:
            self.failures[assignment.failure] += 1
        self.answered_by.setdefault(assignment.answered_by, Score()).add(row, assignment)
        if row.kind is not None:
            self.kinds.setdefault(row.kind, Score()).add(row, assignment)
        if assignment.tokens == "not_reported":
            self.tokens_not_reported += 1
        else:
            self.tokens_read += assignment.tokens.read
            self.tokens_written += assignment.tokens.written
        self.seconds += assignment.seconds

    @property
    def model_never_answered(self) -> bool:
        """Whether the model was asked, and failed each time."""
        asked = self.all.count - self.statuses["no_folders"]
        return asked > 0 and self.failures.total() == asked

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "conversations": self.all.count,
            "filed": self.filed,
            "from_earlier_runs": self.earlier,
            "skipped_lines": self.problems,
            "by_status": dict(sorted(self.statuses.items())),
            "failures": dict(sorted(self.failures.items())),
            "tokens": {
                "read": self.tokens_read,
                "written": self.tokens_written,
                "assignments_not_reported": self.tokens_not_reported,
            },
            "seconds_of_assignments": round(self.seconds, 3),
            "all": self.all.to_dict(),
            "answered_by": {name: score.to_dict() for name, score in sorted(self.answered_by.items())},
            "by_kind": {name: score.to_dict() for name, score in sorted(self.kinds.items())},
        }
