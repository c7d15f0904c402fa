"""The table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.printing import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.cli.filing.tally import Score, Tally

WHOSE = {"model": "the model's answers", "fallback": "the fallback's answers", "nobody": "nobody's"}


def print_report(tally: Tally, seconds: float) -> None:
    """Print the table of a run that took so many seconds of wall time."""
    columns = ("", "conversations", "accuracy")
    print_table(columns, _rows(tally), title=_title(tally))
    per_item = tally.seconds / tally.all.count if tally.all.count else 0.0
    costs = {
        "tokens read": f"{tally.tokens_read:,}",
        "tokens written": f"{tally.tokens_written:,}",
        "seconds": f"{seconds:.1f}",
        "mean seconds to an answer": f"{per_item:.2f}",
    }
    if tally.tokens_not_reported:
        costs["conversations without reported tokens"] = str(tally.tokens_not_reported)
    print_table(tuple(costs), [tuple(costs.values())])


def _title(tally: Tally) -> str:
    parts = [f"{tally.filed} of {tally.all.count} conversations filed"]
    if tally.earlier:
        parts.append(f"{tally.earlier} of them by earlier runs")
    if tally.problems:
        parts.append(f"{tally.problems} unusable line{'s' if tally.problems > 1 else ''} skipped")
    return ", ".join(parts)


def _rows(tally: Tally) -> Iterator[tuple[str, str, str]]:
    yield "all", *_cells(tally.all)
    for name, text in WHOSE.items():
        if name in tally.answered_by:
            yield f"  {text}", *_cells(tally.answered_by[name])
    yield "status", "", ""
    for status, count in tally.statuses.most_common():
        yield f"  {status}", str(count), ""
    if tally.failures:
        yield "failures of the model", "", ""
        for failure, count in tally.failures.most_common():
            yield f"  {failure}", str(count), ""
    if tally.kinds:
        yield "kind", "", ""
        for kind, score in sorted(tally.kinds.items()):
            yield f"  {kind}", *_cells(score)


def _cells(score: Score) -> tuple[str, str]:
    if score.accuracy is None:
        return str(score.count), ""
    return str(score.count), f"{score.accuracy:.3f} ({score.right} of {score.labelled})"
