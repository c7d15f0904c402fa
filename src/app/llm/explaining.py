"""Explaining a plan: where a call would go, who would pay, and why not elsewhere. Nobody is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.llm.providers.registry import base_url_variable
from app.llm.running.hedging_outlook import outlook

if TYPE_CHECKING:
    from app.errors import Payer, PointsmanError
    from app.llm.byok.resolver import Rejection
    from app.llm.catalog.effective import EffectiveOption
    from app.llm.catalog.model import Catalog
    from app.llm.circuits.port import CircuitState
    from app.llm.planning import Hop, Plan
    from app.llm.running.gates import Gates
    from app.llm.running.runner import Runner

IN_MEMORY = "a catalog in memory"
NAMED = "the user's request"
"""Where the route to a user's own endpoint is written."""


@dataclass(frozen=True, slots=True)
class ExplainedOption:
    """One option of a hop, and where its value comes from."""

    name: str
    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class ExplainedHop:
    """One hop of a plan as a person reads it.

    `attempt_s`: how long one attempt may take, in seconds. `circuit`: its state now, and who shares it.
    """

    why: str
    provider: str
    model: str
    model_on_the_wire: str
    payer: Payer
    credential: str
    endpoint: str
    route_source: str
    options: tuple[ExplainedOption, ...]
    attempt_s: float = 0.0
    circuit: str = "none"
    rates: tuple[str, ...] = ()
    window: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to "where would this go, and why not elsewhere?", as an object; `str()` gives it as text.

    `error` is what `get_llm` would raise, `hedge` says when a second hop is asked beside the first, or why it
    isn't now. Deadline in seconds. There is no secret in it.
    """

    feature: str
    profile: str
    about: str = ""
    payer_rule: str = ""
    ask: str = "generate"
    hops: tuple[ExplainedHop, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    deadline_s: float = 0.0
    attempts: int = 0
    limits: dict[str, float | None] = field(default_factory=dict)
    hedge: str | None = None
    last_resort: str | None = None
    notes: tuple[str, ...] = ()
    error: PointsmanError | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON; `error` is its text, or None."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        plain["hops"] = [asdict(hop) for hop in self.hops]
        plain["rejected"] = [asdict(rejection) for rejection in self.rejected]
        plain["error"] = str(self.error) if self.error else None
        plain["error_type"] = type(self.error).__name__ if self.error else None
        return plain

    def __str__(self) -> str:
        lines = [f"{self.feature} in profile {self.profile}" + (f": {self.about}" if self.about else "")]
        if self.error:
            lines.append(f"  can't run: {self.error}")
        for number, hop in enumerate(self.hops, 1):
            lines += _hop_lines(number, hop)
        if self.rejected:
            lines.append("  passed over:")
            lines += [f"    {_rejection_line(rejection)}" for rejection in self.rejected]
        if self.hops:
            lines.append(f"  payer rule: {self.payer_rule}; asked by: {self.ask}")
            lines.append(f"  deadline {self.deadline_s:g} s, at most {self.attempts} attempts in all")
            lines.append(f"  {_limits_line(self.limits)}")
        if self.hedge:
            lines.append(f"  {self.hedge}")
        if self.last_resort:
            lines.append(f"  last resort, which calls no model: {self.last_resort}")
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def explain_plan(catalog: Catalog, plan: Plan, runner: Runner, cache_key: str | None = None) -> Explanation:
    """Return the explanation of a plan, with circuits and hedges as they are now."""
    return Explanation(
        feature=plan.feature.name,
        profile=plan.profile,
        about=plan.feature.row.about,
        payer_rule=plan.feature.row.payer,
        ask=plan.ask if plan.hops else "generate",
        hops=tuple(_explained(catalog, hop, runner.gates) for hop in plan.hops),
        rejected=plan.rejected,
        deadline_s=plan.deadline_s,
        attempts=plan.attempts,
        limits={"connect_s": plan.connect_s, "first_token_s": plan.first_token_s, "chunk_s": plan.chunk_s},
        hedge=outlook(plan, runner),
        last_resort=plan.feature.row.last_resort,
        notes=tuple(_notes(plan, cache_key)),
        error=plan.refusal() if plan.refusal else None,
    )


def _explained(catalog: Catalog, hop: Hop, gates: Gates) -> ExplainedHop:
    return ExplainedHop(
        why=hop.label,
        provider=hop.route.provider,
        model=hop.route.model,
        model_on_the_wire=hop.spec.model,
        payer=hop.payer,
        credential=hop.credential.source,
        endpoint=_endpoint(hop),
        route_source=NAMED if hop.spec.user_named else str(catalog.place(*hop.route.path) or IN_MEMORY),
        options=tuple(ExplainedOption(o.name, o.value, _source(catalog, o)) for o in hop.options),
        attempt_s=hop.timeout_s,
        circuit=_circuit(gates.state(hop)),
        rates=hop.rates,
        window=hop.window,
    )


def _circuit(state: CircuitState | None) -> str:
    """Return a circuit in words: `open until 2026-11-23 10:00:05 UTC, shared`."""
    if state is None:
        return "none"
    until = f" until {datetime.fromtimestamp(state.until, UTC):%Y-%m-%d %H:%M:%S} UTC" if state.until else ""
    failures = f" after {state.failures} failures" if state.failures else ""
    return f"{state.state.replace('_', '-')}{failures}{until}, {state.where}"


def _endpoint(hop: Hop) -> str:
    spec, provider = hop.spec, hop.provider
    if spec.launch:
        return f"started on first use by {spec.launch}"
    if spec.vertex is None and spec.base_url != (provider.row.base_url or ""):
        return f"{spec.base_url} (from {base_url_variable(provider.name)})"
    return spec.base_url


def _source(catalog: Catalog, option: EffectiveOption) -> str:
    if option.path is None:
        return "the default of every call"
    return str(catalog.place(*option.path) or IN_MEMORY)


def _notes(plan: Plan, cache_key: str | None) -> list[str]:
    notes = []
    if cache_key is not None and plan.hops and "prompt_cache_key" not in plan.first.spec.supports:
        notes.append(f"cache_key isn't sent: {plan.first.route.target} takes no prompt_cache_key")
    return notes


def _limits_line(limits: dict[str, float | None]) -> str:
    first = limits["first_token_s"]
    of_first = "as long as an attempt" if first is None else f"{first:g} s"
    return (
        f"connection within {limits['connect_s']:g} s; streams: first content within {of_first}, "
        f"each further one within {limits['chunk_s']:g} s"
    )


def _rejection_line(rejection: Rejection) -> str:
    where = f"{rejection.model}:{rejection.provider} on the {rejection.payer}'s bill"
    return f"{where} ({rejection.label}): {rejection.reason}"


def _hop_lines(number: int, hop: ExplainedHop) -> list[str]:
    written = "named in" if hop.route_source == NAMED else "written at"
    wire = "" if hop.model_on_the_wire == hop.model else f" (asked for as {hop.model_on_the_wire})"
    lines = [
        f"  {number}. {hop.model}:{hop.provider}{wire}, paid by the {hop.payer}",
        f"     why: {hop.why}, {written} {hop.route_source}",
        f"     credential: {hop.credential}; endpoint: {hop.endpoint}",
    ]
    lines.append(f"     circuit: {hop.circuit}" + (f"; at most {', '.join(hop.rates)}" if hop.rates else ""))
    return lines + [f"     {option.name} = {option.value!r} from {option.source}" for option in hop.options]
