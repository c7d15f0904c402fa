"""Whoever pays, a call is built one way, and a route is one value."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm import RequestScope
from app.llm.catalog.effective import direct_equivalent, hops_of
from tests.llm.at_a_server import USERS_KEY, llm_service
from tests.llm.services import TABLES, service, shipped
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm import LLMService
    from app.llm.catalog.model import Catalog
    from app.llm.routed_model import RoutedChatModel
    from tests.servers.running import RunningServer

__all__ = ["llm_service", "server"]

PROVIDERS = sorted(TABLES["providers"])
BOTH = RequestScope("ada", {"broker": USERS_KEY, "nova": USERS_KEY})


@pytest.mark.parametrize("ask", [lambda llm: llm.invoke("hello"), lambda llm: list(llm.stream("hello"))])
def test_R3_a_call_on_a_users_key_is_rendered_like_the_platforms(
    llm_service: LLMService, server: RunningServer, ask: Callable[[RoutedChatModel], object]
) -> None:
    for scope in (None, BOTH):
        ask(llm_service.get_llm("summary", scope=scope))
    platforms, users = server.received

    assert users.body == platforms.body
    assert users.json["temperature"] == 0.7
    assert users.target == platforms.target
    told = [[pair for pair in one.headers if pair[0] != "authorization"] for one in (users, platforms)]
    assert told[0] == told[1]
    assert users.header("authorization") == f"Bearer {USERS_KEY}"


def written_targets(catalog: Catalog) -> set[tuple[str, str]]:
    """Return every (provider, model) that is written in the catalog, and their direct equivalents."""
    tables = [catalog.pinned, *(profile.routes for profile in catalog.profiles.values())]
    routes = [hop for table in tables for route in table.values() for hop in hops_of(route)]
    direct = [found for route in routes if (found := direct_equivalent(catalog, route))]
    return {(route.provider, route.model) for route in [*routes, *direct]}


@given(feature=st.sampled_from(sorted(TABLES["features"])), keys=st.sets(st.sampled_from(PROVIDERS)))
def test_R4_provider_and_model_of_every_hop_were_written_together(feature: str, keys: set[str]) -> None:
    asked = service()
    plan = asked.explain(feature, RequestScope("ada", {name: f"{name}-users-key" for name in keys}))

    assert {(hop.provider, hop.model) for hop in plan.hops} <= written_targets(asked.catalog)


def test_R4_so_it_is_for_all_shipped_features_profiles_and_keys() -> None:
    holders: list[Any] = ["openai", "gemini", "anthropic", "openrouter"]
    for profile in ("premium", "max", "byok", "local"):
        asked = shipped(profile)
        known = written_targets(asked.catalog)
        for feature, sent in product(asked.catalog.features, [[], holders, *([one] for one in holders)]):
            plan = asked.explain(feature, RequestScope("ada", dict.fromkeys(sent, "sk-adas")))
            assert {(hop.provider, hop.model) for hop in plan.hops} <= known
