"""Random worlds: a catalog, the platform's keys, and users with keys of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.safety.rogues import ROGUES
from tests.safety.secrets_seen import Secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn

SERVERS = ("alpha", "beta", "gamma", "broker", "home")
"""One server a provider, and one that is a user's own."""
PROVIDERS = {"alpha": "alpha", "beta": "beta", "gamma": "gamma", "broker": "broker", "twin": "alpha"}
"""Each provider, and the provider whose key opens it and at whose server it is."""
PROTOCOLS = ("openai_compatible", "gemini", "anthropic")
MODELS = ("m-1", "m-2", "resold-3")
FEATURES = ("draft", "judge", "chat")
USERS = ("ada", "eve", "sam")

PATIENT: dict[str, Any] = {"circuit": {"failures": 1000}}
"""Circuits that stay closed: each call here is for itself."""

MOSTLY = st.sampled_from([True, True, False])


@dataclass(frozen=True)
class World:
    """Everything that stands before the first call."""

    tables: Mapping[str, Any]
    variables: Mapping[str, str]
    keys: Mapping[str, Mapping[str, str]]
    """Each user's keys by provider."""
    at_home: Mapping[str, str]
    """The key of each user who has an endpoint of their own."""
    homes_are_open: bool
    """Whether the operator lets users name an endpoint on a loopback address."""
    careless: bool
    """Whether the registry is one that mixes up keys of users' own endpoints."""
    secrets: Secrets

    def __repr__(self) -> str:
        return (
            f"World({self.tables!r}, {dict(self.variables)!r}, {dict(self.keys)!r}, {dict(self.at_home)!r})"
        )


@st.composite
def worlds(draw: DrawFn) -> World:
    """Draw a world whose catalog compiles. Base URLs are left to the test: servers have random ports."""
    secrets = Secrets()
    holders = sorted(set(PROVIDERS.values()))
    variables = {
        f"{name.upper()}_API_KEY": draw(
            st.sampled_from([secrets.new("platform", None, name)] * 5 + ["", " "])
        )
        for name in holders
    }
    keys = {
        user: {name: secrets.new("user", user, name) for name in holders if draw(MOSTLY)} for user in USERS
    }
    at_home = {user: secrets.new("user", user, "home") for user in draw(st.sets(st.sampled_from(USERS)))}
    homes_are_open = draw(st.sampled_from([True, True, True, False]))
    careless = draw(st.sampled_from([False, False, False, True]))
    return World(draw(catalogs()), variables, keys, at_home, homes_are_open, careless, secrets)


def world_of(protocol: str) -> World:
    """Return a world in which every provider speaks one protocol, and everyone has every key."""
    secrets = Secrets()
    holders = sorted(set(PROVIDERS.values()))
    rows = {
        name: {"protocol": protocol, "key_env": f"{holder.upper()}_API_KEY", "spare": True, **PATIENT}
        | ({} if holder == name else {"key_of": holder})
        for name, holder in PROVIDERS.items()
    }
    route = {"provider": "alpha", "model": "m-1"}
    features = {name: {"about": "A feature", "attempts": 1} for name in FEATURES}
    profiles = {"premium": {"routes": dict.fromkeys(FEATURES, route)}}
    return World(
        tables={"providers": rows, "features": features, "profiles": profiles},
        variables={f"{name.upper()}_API_KEY": secrets.new("platform", None, name) for name in holders},
        keys={user: {name: secrets.new("user", user, name) for name in holders} for user in USERS},
        at_home={},
        homes_are_open=True,
        careless=False,
        secrets=secrets,
    )


@st.composite
def catalogs(draw: DrawFn) -> dict[str, Any]:
    """Draw the tables of a catalog: every provider, some of one rogue protocol, and both profiles."""
    rogue = draw(st.sampled_from(ROGUES))
    protocols = draw(st.sampled_from([PROTOCOLS, (*PROTOCOLS, rogue), (rogue,)]))
    premium = {feature: draw(routes()) for feature in FEATURES}
    others = {feature: draw(routes()) for feature in draw(st.sets(st.sampled_from(FEATURES)))}
    byok = {name: route for name, route in others.items() if _target(route) != _target(premium[name])}
    pinned = {"judge": draw(routes())} if draw(st.booleans()) else {}
    for name in pinned:
        premium.pop(name, None)
        byok.pop(name, None)
    return {
        "providers": {name: draw(provider_rows(name, protocols)) for name in PROVIDERS},
        "features": {name: draw(feature_rows()) for name in FEATURES},
        "pinned": pinned,
        "profiles": {"premium": {"routes": premium}, "byok": {"extends": "premium", "routes": byok}},
    }


@st.composite
def routes(draw: DrawFn) -> dict[str, Any]:
    """Draw a route with up to two fallbacks, no two of them alike."""
    targets = st.tuples(st.sampled_from(sorted(PROVIDERS)), st.sampled_from(MODELS))
    first, *rest = draw(st.lists(targets, min_size=1, max_size=3, unique=True))
    fallbacks = [{"provider": provider, "model": model} for provider, model in rest]
    return {"provider": first[0], "model": first[1], "fallbacks": fallbacks}


@st.composite
def provider_rows(draw: DrawFn, name: str, protocols: tuple[str, ...]) -> dict[str, Any]:
    """Draw a provider's row without its address."""
    holder = PROVIDERS[name]
    row: dict[str, Any] = {
        "protocol": draw(st.sampled_from(protocols)),
        "key_env": f"{holder.upper()}_API_KEY",
        "spare": True,
        **PATIENT,
    }
    if holder != name:
        row["key_of"] = holder
    if name == "broker":
        row["vendors"] = [{"match": ["resold*"], "prefix": "alpha/", "direct": "alpha"}]
    return row


@st.composite
def feature_rows(draw: DrawFn) -> dict[str, Any]:
    """Draw what a feature says about its payer and its attempts."""
    payer = draw(st.sampled_from(["user_or_platform", "user_or_platform", "user_only", "platform_only"]))
    attempts = draw(st.sampled_from([1, 4, 4]))
    row: dict[str, Any] = {"about": "A feature", "payer": payer, "attempts": attempts}
    if payer == "user_or_platform" and draw(st.booleans()):
        row["on_user_key_failure"] = "platform"
    return row


def _target(route: Mapping[str, Any]) -> tuple[str, str]:
    return route["provider"], route["model"]
