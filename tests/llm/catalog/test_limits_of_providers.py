"""What a provider's row says of its models' windows, of its circuits and of its rate limits."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from app.llm import InMemoryProfileRepository, TomlProfileRepository
from app.llm.catalog.effective import hops_of
from app.llm.catalog.rows import CircuitRow, ProviderRow
from app.llm.local import EmbeddedServer
from tests.llm.catalog.catalogs import HONOURS

if TYPE_CHECKING:
    from app.llm.catalog.model import Provider


def provider(**row: Any) -> Provider:
    base = {"protocol": "openai_compatible", "base_url": "https://acme.example/v1", "key_env": "ACME_API_KEY"}
    tables = {
        "providers": {"acme": base | row},
        "features": {"chat": {"about": "Chat"}, "sum": {"about": "Summarise"}},
        "profiles": {
            "premium": {
                "routes": {
                    "chat": {"provider": "acme", "model": "swift-1"},
                    "sum": {"provider": "acme", "model": "slow-1"},
                }
            }
        },
    }
    return InMemoryProfileRepository(tables, HONOURS).catalog().provider("acme")


def test_the_last_row_that_says_a_window_wins_and_a_model_without_one_has_none() -> None:
    rows = [{"match": ["swift*"], "window": 8000}, {"match": ["swift-2*"], "window": 9000}]
    rows.append({"match": ["swift-2*"], "supports": ["logprobs"]})
    acme = provider(models=rows)

    assert [acme.window(model) for model in ("swift-1", "swift-2", "slow-1")] == [8000, 9000, None]


def test_all_limits_that_match_hold_together_for_their_own_payer() -> None:
    rates = [
        {"match": ["swift*", "slow*"], "payer": "platform", "limits": ["500/minute", "10/second"]},
        {"match": ["swift-1"], "payer": "platform", "limits": ["9 per hour", "10/second"]},
        {"match": ["*"], "payer": "user", "limits": ["5/minute"]},
    ]
    acme = provider(rates=rates)

    assert acme.rates("swift-1", "platform") == ("500/minute", "10/second", "9 per hour")
    assert acme.rates("slow-1", "platform") == ("500/minute", "10/second")
    assert acme.rates("slow-1", "user") == ("5/minute",)
    assert acme.rates("other", "platform") == ()


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({}, CircuitRow(failures=5, window_s=30.0, open_s=15.0)),
        ({"circuit": {"failures": 2, "open_s": 60}}, CircuitRow(failures=2, window_s=30.0, open_s=60.0)),
        ({"circuit": "off"}, "off"),
    ],
)
def test_a_circuit_has_defaults_and_can_be_off(written: dict[str, Any], holds: CircuitRow | str) -> None:
    assert provider(**written).row.circuit == holds


def test_a_row_made_by_code_has_the_defaults_as_well() -> None:
    row = ProviderRow(protocol="openai_compatible", base_url="https://acme.example")

    assert row.circuit == CircuitRow()
    assert row.rates == ()


def test_every_shipped_route_goes_to_a_model_whose_window_is_known() -> None:
    catalog = TomlProfileRepository(HONOURS).catalog()
    routes = [route for profile in catalog.profiles.values() for route in profile.routes.values()]
    hops = {hop for route in [*routes, *catalog.pinned.values()] for hop in hops_of(route)}

    unknown = {hop.target for hop in hops if catalog.provider(hop.provider).window(hop.model) is None}
    assert unknown == set()


def test_the_embedded_models_window_is_the_one_that_its_server_is_started_with() -> None:
    catalog = TomlProfileRepository(HONOURS).catalog()
    started_with = inspect.signature(EmbeddedServer).parameters["context_tokens"].default

    (route,) = {route.model for route in catalog.profile("local").routes.values()}
    assert catalog.provider("local").window(route) == started_with
