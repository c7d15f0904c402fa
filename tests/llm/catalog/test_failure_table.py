"""What follows a failure: the shipped table, what catalogs and features change in it, and what nobody can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import CatalogError
from app.llm import InMemoryProfileRepository, TomlProfileRepository
from app.llm.catalog.compile import compile_catalog
from app.llm.catalog.failure_table import FAILURE_CLASSES, OF_THE_KEY, PAYERS, fitting
from app.llm.catalog.problems import Place
from app.llm.catalog.rows import ACTIONS
from app.llm.catalog.source import Layer, lay_over
from tests.llm.catalog.catalogs import HONOURS, load, written

if TYPE_CHECKING:
    from pathlib import Path

    from app.errors import FailureClass, Payer
    from app.llm.catalog.model import Catalog
    from app.llm.catalog.rows import Action

ACME = {"provider": "acme", "model": "swift-1"}
LED_ON = ACME | {"fallbacks": [{"provider": "acme", "model": "swift-2"}]}
KEY_CLASSES = sorted(OF_THE_KEY)


def tables(of_all: dict[str, Any] | None = None, **feature: Any) -> dict[str, Any]:
    """Return a small catalog: a feature with two hops, and a table of failures for all if given."""
    own = {} if of_all is None else {"failures": of_all}
    return own | {
        "providers": {
            "acme": {
                "protocol": "openai_compatible",
                "base_url": "https://acme.example/v1",
                "key_env": "ACME_API_KEY",
            }
        },
        "features": {"chat": {"about": "Chat"} | feature},
        "profiles": {"premium": {"routes": {"chat": LED_ON}}},
    }


def in_memory(of_all: dict[str, Any] | None = None, **feature: Any) -> Catalog:
    return InMemoryProfileRepository(tables(of_all, **feature), HONOURS).catalog()


def overlaid(directory: Path, text: str) -> Catalog:
    (directory / "own.toml").write_text(text, encoding="utf-8")
    return TomlProfileRepository(HONOURS, directory=directory).catalog()


def problems_of(directory: Path, text: str) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        overlaid(directory, text)
    return [problem.replace(f"{directory}/", "") for problem in caught.value.problems]


def test_the_shipped_table_says_what_follows_every_failure_on_every_bill() -> None:
    table = TomlProfileRepository(HONOURS).catalog().failures

    assert set(table.rules) == {
        (failure_class, payer) for failure_class in FAILURE_CLASSES for payer in PAYERS
    }
    for (failure_class, payer), rule in table.rules.items():
        assert rule.action in fitting(failure_class, payer)
        assert rule.replaces is None
        assert str(rule.place).startswith("failures.toml:")


@pytest.mark.parametrize("failure_class", KEY_CLASSES)
def test_R9_our_refused_key_lets_the_next_hop_try_and_a_users_ends_the_call(
    failure_class: FailureClass,
) -> None:
    table = TomlProfileRepository(HONOURS).catalog().failures

    assert table.action(failure_class, "platform") == "next"
    assert table.action(failure_class, "user") == "raise"


def test_the_shipped_table_holds_under_a_catalog_that_says_nothing_of_failures(tmp_path: Path) -> None:
    shipped = TomlProfileRepository(HONOURS).catalog().failures

    assert in_memory().failures == shipped
    assert load(written(tmp_path)).failures == shipped
    assert hash(in_memory().failures) == hash(shipped)


def test_a_catalog_of_its_own_may_write_the_whole_table_where_it_agrees_with_the_shipped_one_too() -> None:
    catalog = in_memory({"timeout": "retry", "unknown": "raise"})

    assert catalog.failures.action("timeout", "user") == "retry"
    assert catalog.failures.action("unknown", "user") == "raise"
    assert catalog.failures.action("overloaded", "platform") == "retry"
    assert catalog.failures.rules["unknown", "user"].place is None


def test_an_overlay_replaces_one_class_and_knows_where_each_rule_is_written(tmp_path: Path) -> None:
    catalog = overlaid(tmp_path, '[failures]\noverloaded = "next"\n')
    rule = catalog.failures.rules["overloaded", "user"]

    assert (rule.action, str(rule.place)) == ("next", f"{tmp_path}/own.toml:2")
    assert rule.replaces is not None
    assert (rule.replaces.action, rule.replaces.place and rule.replaces.place.layer) == ("retry", "shipped")
    assert catalog.failures.rules["timeout", "user"].replaces is None


def test_an_overlay_may_speak_of_one_bill_and_the_other_keeps_the_shipped_rule(tmp_path: Path) -> None:
    """In a catalog with fallbacks: without one, an end of ours would have no effect."""
    route = '[profiles.max.routes]\ntrends = { provider = "openai", model = "a", fallbacks = [FALLBACK] }\n'
    own = route.replace("FALLBACK", '{ provider = "anthropic", model = "b" }')
    catalog = overlaid(
        tmp_path, f'{own}[failures.auth]\nplatform = "raise"\n[failures.timeout]\nuser = "next"\n'
    )

    actions = {key: rule.action for key, rule in catalog.failures.rules.items() if rule.replaces}
    assert actions == {("auth", "platform"): "raise", ("timeout", "user"): "next"}
    kept = catalog.failures.rules["auth", "user"]
    assert kept.action == "raise"
    assert kept.place is not None
    assert kept.place.layer == "shipped"


@pytest.mark.parametrize(
    "line",
    ['timeout = "retry"', 'timeout = { user = "retry" }', 'auth = { platform = "next", user = "raise" }'],
)
def test_an_overlay_that_repeats_the_shipped_rule_is_told_so_once_a_line(line: str, tmp_path: Path) -> None:
    found = problems_of(tmp_path, f"[failures]\n{line}\n")

    assert all(problem.startswith("own.toml:2: ") for problem in found)
    assert all("has no effect: failures.toml:" in problem for problem in found)
    assert all(problem.endswith("(shipped) says so already") for problem in found)


def test_a_feature_overrides_single_rules_and_the_catalogs_table_stays_as_it_is() -> None:
    catalog = in_memory({"unknown": "raise"}, failures={"unknown": {"platform": "next"}})
    table = catalog.action_table(catalog.feature("chat"))

    assert (table.action("unknown", "platform"), table.action("unknown", "user")) == ("next", "raise")
    assert table.rules["unknown", "platform"].replaces is catalog.failures.rules["unknown", "platform"]
    assert catalog.failures.action("unknown", "platform") == "raise"
    assert table != catalog.failures


def test_a_feature_without_rules_of_its_own_shares_the_catalogs_table() -> None:
    catalog = in_memory()

    assert catalog.action_table(catalog.feature("chat")) is catalog.failures


def test_an_overlay_may_take_the_effect_from_a_rule_below_it(tmp_path: Path) -> None:
    """Who lays a catalog over another can't mend that one."""
    below = Layer(
        "below", tables(failures={"unknown": "raise"}), {("features", "chat"): Place("a", 1, "below")}
    )
    route = {"profiles": {"premium": {"routes": {"chat": ACME}}}}
    upper = Layer("upper", route, {("profiles", "premium", "routes", "chat"): Place("b", 1, "upper")})

    assert compile_catalog(lay_over(below, upper, []), HONOURS).route("chat", "premium").fallbacks == ()


said = st.one_of(
    st.sampled_from(ACTIONS),
    st.fixed_dictionaries({}, optional={payer: st.sampled_from(ACTIONS) for payer in PAYERS}),
)
some_rules = st.dictionaries(st.sampled_from(FAILURE_CLASSES), said, max_size=3)


@given(
    of_catalog=some_rules,
    of_feature=some_rules,
    payer_rule=st.sampled_from(["platform_only", "user_only", "user_or_platform"]),
)
def test_no_catalog_that_loads_lets_an_invalid_request_or_a_users_refused_key_go_on(
    of_catalog: dict[str, Any], of_feature: dict[str, Any], payer_rule: str
) -> None:
    try:
        catalog = in_memory(of_catalog, failures=of_feature, payer=payer_rule)
    except CatalogError:
        return
    for table in (catalog.failures, catalog.action_table(catalog.features["chat"])):
        assert len(table.rules) == len(FAILURE_CLASSES) * len(PAYERS)
        for payer in PAYERS:
            assert table.action("invalid_request", payer) == "raise"
            assert table.action("cancelled", payer) == "raise"
            assert table.action("content_filter", payer) in {"next", "raise"}
        assert {table.action(failure_class, "user") for failure_class in OF_THE_KEY} == {"raise"}
        larger = {
            failure_class for (failure_class, _), rule in table.rules.items() if rule.action == "larger"
        }
        assert larger <= {"context_length"}


@pytest.mark.parametrize("failure_class", FAILURE_CLASSES)
@pytest.mark.parametrize("payer", PAYERS)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_fitting_action_can_be_written_and_no_other(
    failure_class: FailureClass, payer: Payer, action: Action
) -> None:
    row: dict[str, Any] = {failure_class: {payer: action}}
    if action in fitting(failure_class, payer):
        assert in_memory(row).failures.action(failure_class, payer) == action
    else:
        with pytest.raises(CatalogError, match="can't be"):
            in_memory(row)
