"""Catalogs of any plan: hops over three protocols, two payers, any table of failures, any budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from app.llm import RequestScope
from app.llm.catalog.failure_table import FAILURE_CLASSES, PAYERS, fitting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass, Payer
    from app.llm.catalog.rows import Action

    Actions = dict[tuple[FailureClass, Payer], Action]

FEATURE = "summary"
PROTOCOL_OF = {
    "acme": "openai_compatible",
    "nova": "gemini",
    "opus": "anthropic",
    "broker": "openai_compatible",
}
WINDOWS = {"slim": 1_000, "wide": 2_000, "vast": 3_000, "odd": None}
"""Each model, and its context window in tokens (None: nobody wrote it down)."""
KEYS = {f"{name.upper()}_API_KEY": f"{name}-platform" for name in PROTOCOL_OF}
AT = [{"provider": provider, "model": model} for provider in PROTOCOL_OF for model in WINDOWS]
OTHER = {"about": "So that there is a fallback in any catalog"}
OTHERS_ROUTE = {**AT[0], "fallbacks": [AT[4]]}


@dataclass(frozen=True, slots=True)
class World:
    """One feature's catalog, the request that it is asked in, and what the catalog's table comes to."""

    tables: Mapping[str, Any]
    scope: RequestScope | None
    actions: Actions
    moves_the_bill: bool
    """Whether the platform may pay after a failed user key."""


def key_of(user: str, provider: str) -> str:
    """Return a user's key for a provider."""
    return f"{provider}-{user}"


def providers(**more: Any) -> dict[str, Any]:
    """Return the rows of the providers."""
    models = [{"match": [name], "window": window} for name, window in WINDOWS.items() if window]
    return {
        name: {
            "protocol": protocol,
            "base_url": f"https://{name}.example",
            "key_env": f"{name.upper()}_API_KEY",
            "models": models,
            "spare": True,
            "circuit": "off",
            **more,
        }
        for name, protocol in PROTOCOL_OF.items()
    }


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    """A route with up to two fallbacks."""
    places = draw(st.lists(st.sampled_from(range(len(AT))), min_size=1, max_size=3, unique=True))
    hops = [{**AT[place], **draw(timeouts)} for place in places]
    return {**hops[0], "fallbacks": hops[1:]}


timeouts: st.SearchStrategy[dict[str, Any]] = st.just({}) | st.builds(
    lambda s: {"options": {"timeout_s": s}}, st.sampled_from([2.0, 5.0, 20.0])
)


@st.composite
def worlds(draw: st.DrawFn, /, **rows: Any) -> World:
    """A catalog and a request; `rows` is what is said of each provider."""
    premium, own = draw(routes()), draw(st.none() | routes())
    every = [premium, *([own] if own and own != premium else [])]
    base: Actions = {
        (one, payer): draw(_actions(fitting(one, payer))) for one in FAILURE_CLASSES for payer in PAYERS
    }
    changes = draw(_overrides(base, leads_on=any(route["fallbacks"] for route in every)))
    feature = {
        "about": "Summarise",
        "on_user_key_failure": draw(st.sampled_from(["raise", "platform"])),
        **draw(_budgets(max(len(route["fallbacks"]) for route in every) + 1)),
        "failures": {one: {payer: action} for (one, payer), action in changes.items()},
    }
    byok = {FEATURE: every[1]} if len(every) > 1 else {}
    tables = {
        "providers": providers(**rows),
        "features": {FEATURE: feature, "other": OTHER},
        "failures": {one: {payer: base[one, payer] for payer in PAYERS} for one in FAILURE_CLASSES},
        "profiles": {
            "premium": {"routes": {FEATURE: premium, "other": OTHERS_ROUTE}},
            "byok": {"extends": "premium", "routes": byok},
        },
    }
    return World(tables, draw(scopes), base | changes, feature["on_user_key_failure"] == "platform")


scopes = st.none() | st.builds(
    lambda holders: RequestScope("ada", {name: key_of("ada", name) for name in holders}),
    st.sets(st.sampled_from(sorted(PROTOCOL_OF))),
)


def _actions(fit: tuple[Action, ...]) -> st.SearchStrategy[Action]:
    """Return any action that fits; such as go on more often than the end of the call."""
    return st.sampled_from([*fit, *[one for one in fit if one != "raise"] * 2])


@st.composite
def _overrides(draw: st.DrawFn, base: Actions, *, leads_on: bool) -> Actions:
    """What a feature says instead, once a class; only what has an effect, or it would be an error."""
    changes: Actions = {}
    for one in draw(st.sets(st.sampled_from(FAILURE_CLASSES), max_size=3)):
        payer = draw(st.sampled_from(PAYERS))
        action = draw(st.sampled_from(fitting(one, payer)))
        now = base[one, payer]
        idle = action == now or (
            not leads_on and ("retry" not in {action, now} or action in {"next", "larger"})
        )
        if not idle:
            changes[one, payer] = action
    return changes


@st.composite
def _budgets(draw: st.DrawFn, hops: int) -> dict[str, Any]:
    """What a feature says of its budget: attempts for all of these hops, and limits within the deadline."""
    said: dict[str, Any] = {}
    deadline = draw(st.none() | st.sampled_from([2.0, 4.0, 8.0, 30.0, 100.0]))
    if deadline is not None:
        said["deadline_s"] = deadline
    if draw(st.booleans()):
        said["attempts"] = draw(st.integers(hops, 10))
    for name in ("first_token_s", "chunk_s"):
        seconds = draw(st.none() | st.sampled_from([0.5, 1.0, 3.0, 10.0]))
        if seconds is not None and seconds < (deadline or 1e9):
            said[name] = seconds
    return said
