"""Plans that no catalog wrote down: hops with what a course looks at, and a table of any actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.llm.catalog.failure_table import FAILURE_CLASSES, OF_THE_KEY, PAYERS, FailureTable, Rule
from app.llm.catalog.model import Feature, Provider, Route
from app.llm.catalog.options import Options
from app.llm.catalog.rows import FeatureRow, ProviderRow
from app.llm.clients.spec import ClientSpec, CredentialReference
from app.llm.planning import Hop, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass, Payer
    from app.llm.catalog.rows import Action

DEFAULTS: Mapping[FailureClass, Action] = {
    **dict.fromkeys(FAILURE_CLASSES, "retry"),
    "context_length": "larger",
    "content_filter": "raise",
    "invalid_request": "raise",
    "cancelled": "raise",
    "unknown": "next",
}


def table(**actions: Action) -> FailureTable:
    """Return a table: what isn't said here retries, goes on or raises as a plain one does."""
    said: dict[Any, Action] = {**DEFAULTS, **dict.fromkeys(OF_THE_KEY, "next"), **actions}
    rules = {(one, payer): Rule(said[one], None) for one in FAILURE_CLASSES for payer in PAYERS}
    rules |= {(one, "user"): Rule("raise", None) for one in OF_THE_KEY}
    return FailureTable(rules)


def hop(
    number: int,
    payer: Payer = "platform",
    *,
    window: int | None = None,
    timeout_s: float = 10.0,
    written: bool = True,
) -> Hop:
    """Return a hop at a provider of its own."""
    name = f"provider{number}"
    route = Route(name, f"model{number}", Options())
    row = ProviderRow(protocol="openai_compatible", base_url=f"https://{name}.example", circuit="off")
    return Hop(
        number,
        "a test's",
        route,
        Provider(name, row),
        payer,
        CredentialReference(name, payer, "a test's"),
        ClientSpec("openai_compatible", name, f"https://{name}.example", route.model, payer, "bearer"),
        (),
        timeout_s=timeout_s,
        timeout_written=written,
        window=window,
    )


def plan(*payers: Payer, hops: tuple[Hop, ...] = (), **more: Any) -> Plan:
    """Return a plan with a hop for each of these payers, or with the given hops."""
    chosen = hops or tuple(hop(number, payer) for number, payer in enumerate(payers, 1))
    given: dict[str, Any] = {"deadline_s": 100.0, "attempts": 2 * len(chosen), "table": table()} | more
    return Plan(Feature("summary", FeatureRow(about="Summarise")), "premium", chosen, (), **given)
