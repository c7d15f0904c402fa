"""The table of failures: failure class x payer -> what a plan does next, and where that is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, get_args

from app.errors import FailureClass, Payer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.llm.catalog.problems import Path, Place, Places
    from app.llm.catalog.rows import Action, FailureRow, PayerRule

FAILURE_CLASSES: Final[tuple[FailureClass, ...]] = get_args(FailureClass)
PAYERS: Final[tuple[Payer, ...]] = get_args(Payer)
PAYERS_OF: Final[Mapping[PayerRule, tuple[Payer, ...]]] = {
    "platform_only": ("platform",),
    "user_only": ("user",),
    "user_or_platform": PAYERS,
}
"""Who may ever pay for a feature."""
OF_THE_KEY: Final[frozenset[FailureClass]] = frozenset({"auth", "permission", "quota"})
"""The classes that say something of the key. A user's never falls through: see `on_user_key_failure`."""
FITTING: Final[Mapping[FailureClass, tuple[Action, ...]]] = {
    "invalid_request": ("raise",),
    "cancelled": ("raise",),
    "content_filter": ("next", "raise"),
    "context_length": ("larger", "next", "raise"),
}
"""What may follow these classes, whoever pays. After any other: retry, next or raise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a plan does after one class of failure on one payer's bill. Equal if it does the same.

    `place` is where it is written (None: in memory), `replaces` what would hold without it.
    """

    action: Action
    place: Place | None = field(compare=False)
    replaces: Rule | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FailureTable:
    """Failure class x payer -> rule, complete. Immutable; tables that do the same are equal."""

    rules: Mapping[tuple[FailureClass, Payer], Rule]

    def __hash__(self) -> int:
        return hash(frozenset(self.rules.items()))

    def action(self, failure_class: FailureClass, payer: Payer) -> Action:
        """Return what a plan does after such a failure on this payer's bill."""
        return self.rules[failure_class, payer].action

    def overridden(self, feature: str | None, rows: Mapping[str, FailureRow], places: Places) -> FailureTable:
        """Return this table with what the rows of a feature (None: of a catalog) say instead, by class."""
        if not rows:
            return self
        path: Path = ("features", feature, "failures") if feature is not None else ("failures",)
        rules = dict(self.rules)
        for failure_class, payer, action in _said(rows):
            known = self.rules.get((failure_class, payer))
            rule = Rule(action, places.of(*path, failure_class, payer), known)
            if known is None or rule.place is None or rule.place != known.place:
                rules[failure_class, payer] = rule
        return FailureTable(rules)


def fitting(failure_class: FailureClass, payer: Payer) -> tuple[Action, ...]:
    """Return what may follow such a failure on this payer's bill: a catalog that says else isn't loaded."""
    if payer == "user" and failure_class in OF_THE_KEY:
        return ("raise",)
    return FITTING.get(failure_class, ("retry", "next", "raise"))


def _said(rows: Mapping[str, FailureRow]) -> Iterator[tuple[FailureClass, Payer, Action]]:
    """Yield what rows say, one class and payer after the other. Names that are no class are left out."""
    for failure_class in FAILURE_CLASSES:
        if failure_class in rows:
            for payer in PAYERS:
                if action := rows[failure_class].action(payer):
                    yield failure_class, payer, action
