"""Checks of what plans do after failures: of the catalog's own table, and of what features change in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.errors import nearest
from app.llm.catalog.failure_table import FAILURE_CLASSES, OF_THE_KEY, PAYERS, PAYERS_OF, fitting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.errors import FailureClass, Payer
    from app.llm.catalog.compilation import Compilation
    from app.llm.catalog.failure_table import FailureTable, Rule
    from app.llm.catalog.model import Catalog, Feature
    from app.llm.catalog.problems import Path
    from app.llm.catalog.rows import Action

WHY: Final[Mapping[FailureClass, str]] = {
    "invalid_request": "the request is wrong at every hop, and each would bill it",
    "cancelled": "nobody waits for the answer any more",
    "content_filter": "the same hop would refuse it again",
    "context_length": "the request is as long the second time",
}
ONWARD: Final[frozenset[Action]] = frozenset({"next", "larger"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What one line of a table of failures says: one action, for the payers whose rules it replaces."""

    path: Path
    failure_class: FailureClass
    action: Action
    replaces: Mapping[Payer, Rule]

    def __str__(self) -> str:
        return f"{self.failure_class} = {self.action!r}"

    @property
    def repeats(self) -> bool:
        """Whether it says what holds without it."""
        return all(rule.action == self.action for rule in self.replaces.values())

    @property
    def ends_anyway(self) -> bool:
        """Whether it changes nothing where there is no second hop: without one, only a retry goes on."""
        return "retry" not in {self.action, *(rule.action for rule in self.replaces.values())}


def check_failures(catalog: Catalog, run: Compilation) -> None:
    """Note what the catalog's own table mustn't say, and what it says without effect."""
    path: Path = ("failures",)
    _check_rows(run, path, run.table("failures"))
    routes = [route for profile in catalog.profiles.values() for route in profile.routes.values()]
    routes += [*catalog.pinned.values(), *([catalog.default] if catalog.default else [])]
    leads_on = any(route.fallbacks for route in routes)
    for said in _statements(path, catalog.failures, None):
        if _is_unfit(run, said):
            continue
        if said.repeats:
            # What stands instead of the shipped catalog may write the whole table, where they agree too.
            if run.layer.beneath is not None:
                run.idle(said.path, f"{said} has no effect: {_places(said)} says so already")
        elif said.ends_anyway and not leads_on:
            run.idle(said.path, f"{said} has no effect: no route has a fallback, so plans end there anyway")


def check_overrides(catalog: Catalog, run: Compilation, feature: Feature, *, leads_on: bool) -> None:
    """Note what a feature mustn't change in the table, and what it changes without effect.

    `leads_on`: whether any of its routes has a fallback.
    """
    path: Path = ("features", feature.name, "failures")
    _check_rows(run, path, run.table("features")[feature.name].get("failures", {}))
    for said in _statements(path, catalog.action_table(feature), catalog.failures):
        if not _is_unfit(run, said):
            _check_effect(run, feature, said, leads_on=leads_on)


def _check_effect(run: Compilation, feature: Feature, said: Statement, *, leads_on: bool) -> None:
    payers = [payer for payer in said.replaces if payer in PAYERS_OF[feature.row.payer]]
    paid = Statement(said.path, said.failure_class, said.action, {p: said.replaces[p] for p in payers})
    unled = f"no route of {feature.name!r} has a fallback"
    if not payers:
        run.idle(said.path, f"{said} has no effect: the payer of {feature.name!r} is {feature.row.payer!r}")
    elif paid.repeats:
        run.idle(said.path, f"{said} has no effect: {_places(paid)} says so already")
    elif paid.ends_anyway and not leads_on:
        run.idle(said.path, f"{said} has no effect: {unled}, so its plans end there anyway")
    elif paid.action in ONWARD and not leads_on:
        run.idle(said.path, f"{said} leads nowhere: {unled}; name one, or write 'raise'")


def _check_rows(run: Compilation, path: Path, written: Mapping[str, object]) -> None:
    for name, row in written.items():
        if name not in FAILURE_CLASSES:
            run.problem((*path, name), f"unknown failure class {name!r}{nearest(name, FAILURE_CLASSES)}")
        elif row == {}:
            run.problem((*path, name), f"nothing is said of {name!r}: name a payer and what follows")


def _statements(path: Path, table: FailureTable, under: FailureTable | None) -> Iterator[Statement]:
    """Yield what a table says beyond the one under it (None: the shipped one)."""
    for failure_class in FAILURE_CLASSES:
        actions: dict[Action, dict[Payer, Rule]] = {}
        for payer in PAYERS:
            rule = table.rules[failure_class, payer]
            if rule.replaces and (under is None or rule is not under.rules[failure_class, payer]):
                actions.setdefault(rule.action, {})[payer] = rule.replaces
        for action, replaces in actions.items():
            alone = () if len(replaces) == len(PAYERS) else tuple(replaces)
            yield Statement((*path, failure_class, *alone), failure_class, action, replaces)


def _is_unfit(run: Compilation, said: Statement) -> bool:
    """Note an action that mustn't follow such a failure, and return whether it is one."""
    for payer in said.replaces:
        fit = fitting(said.failure_class, payer)
        if said.action not in fit:
            known = " or ".join(map(repr, fit))
            run.problem(said.path, f"{said} can't be: {_why(said, payer)}; write {known}{_mend(said, payer)}")
            return True
    return False


def _why(said: Statement, payer: Payer) -> str:
    if said.action == "larger" and said.failure_class != "context_length":
        return "a longer context window mends context_length only"
    if payer == "user" and said.failure_class in OF_THE_KEY:
        return "a user's failing key never falls through (on_user_key_failure says whether the platform pays)"
    return WHY[said.failure_class]


def _mend(said: Statement, payer: Payer) -> str:
    """Say how a line that speaks for both payers is written for the one whom it fits."""
    ours = said.replaces.get("platform")
    fits_us = said.action in fitting(said.failure_class, "platform")
    if payer == "user" and ours and fits_us and ours.action != said.action:
        return f", and for the platform alone {{ platform = {said.action!r} }}"
    return ""


def _places(said: Statement) -> str:
    places = (str(rule.place or "the catalog's own table") for rule in said.replaces.values())
    return " and ".join(dict.fromkeys(places))
