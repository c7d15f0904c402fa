"""The budget of one call: its deadline, its attempts, and how long each wait may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from app.errors import InvalidBudget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.planning import Plan

LONGEST_S: Final = 3600.0
MOST_ATTEMPTS: Final = 10
"""Seconds and attempts. A catalog may say no more, either."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may use up, in seconds and attempts; retries, fallbacks and repairs share it.

    `first_token_s` is the limit for the first content of a stream (None: the hop's own time-out), `chunk_s`
    for each further one, `connect_s` for a connection to be open.
    """

    deadline_s: float
    attempts: int
    connect_s: float
    chunk_s: float
    first_token_s: float | None = None

    @classmethod
    def of(cls, plan: Plan) -> Budget:
        """Return what the catalog gives to a plan."""
        return cls(plan.deadline_s, plan.attempts, plan.connect_s, plan.chunk_s, plan.first_token_s)


NAMES: Final = frozenset(Budget.__slots__)
"""The arguments of a call that are for its plan, and for no provider."""


def of_call(plan: Plan, arguments: Mapping[str, Any]) -> Budget:
    """Return the budget of a call: the plan's, with what the call's own arguments say otherwise.

    :raises InvalidBudget: one of them is no number, not above 0, or beyond what makes sense.
    """
    given = {name: arguments[name] for name in NAMES if arguments.get(name) is not None}
    for name, value in given.items():
        _check(name, value)
    return replace(Budget.of(plan), **given) if given else Budget.of(plan)


def _check(name: str, value: object) -> None:
    whole = name == "attempts"
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    most = MOST_ATTEMPTS if whole else LONGEST_S
    if not fits or not 0 < value <= most:  # type: ignore[operator]  # a number, as just seen
        unit = "a whole number of attempts" if whole else "seconds"
        raise InvalidBudget(f"{name} = {value!r} makes no sense: it is {unit}, above 0, at most {most:g}")
