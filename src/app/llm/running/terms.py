"""The terms of one call: what its arguments say about the plan, and not to a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.llm.running.budget import NAMES, of_call

if TYPE_CHECKING:
    from app.llm.planning import Plan
    from app.llm.running.budget import Budget


@dataclass(frozen=True, slots=True)
class Terms:
    """How a call is run. `model`: the one that the caller named for this call, which is for the first hop.

    `keeps_raw`: an answer that doesn't fit its schema is better than none.
    """

    budget: Budget
    streaming: bool = False
    model: str | None = None
    keeps_raw: bool = False


def terms_of(
    plan: Plan, arguments: dict[str, Any], *, streaming: bool, keeps_raw: bool
) -> tuple[Terms, dict[str, Any]]:
    """Return the terms of a call, and the arguments that are left for its providers.

    :raises InvalidBudget: a limit makes no sense.
    """
    budget = of_call(plan, arguments)
    rest = {name: value for name, value in arguments.items() if name not in NAMES} if arguments else arguments
    return Terms(budget, streaming, arguments.get("model"), keeps_raw), rest
