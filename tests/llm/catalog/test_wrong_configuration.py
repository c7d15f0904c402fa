"""Every line of a catalog has an effect, or is an error with its place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.llm.catalog.catalogs import FEATURES, FILES, PROFILES, PROVIDERS, load, problems, written

if TYPE_CHECKING:
    from pathlib import Path


def test_the_catalog_of_these_tests_is_right(tmp_path: Path) -> None:
    catalog = load(written(tmp_path))

    assert catalog.route("summary", "byok").target == "swift-3:broker"


CASES = {
    "an unknown key": (
        {"features": FEATURES.replace('payer = "pl', 'pajer = "pl')},
        "features.toml:14: unknown key 'features.guard.pajer'; did you mean 'payer'?",
    ),
    "an unknown key inside a route's options": (
        {"profiles": PROFILES.replace('"swift-2" }', '"swift-2", options = { temprature = 1 } }')},
        "profiles.toml:6: unknown key 'profiles.premium.routes.extract.options.temprature'; "
        "did you mean 'temperature'?",
    ),
    "an unknown table": (
        {"more": "[feature.other]\nabout = 'x'\n"},
        "more.toml:1: unknown table 'feature'; did you mean 'features'?",
    ),
    "a value of the wrong type": (
        {"profiles": PROFILES.replace('"swift-2" }', '"swift-2", options = { temperature = "hot" } }')},
        "profiles.toml:6: 'profiles.premium.routes.extract.options.temperature' is 'hot': "
        "input should be a valid number",
    ),
    "a missing key": (
        {"profiles": PROFILES.replace(', model = "swift-2"', "")},
        "profiles.toml:6: 'profiles.premium.routes.extract.model' is missing",
    ),
    "an unknown provider": (
        {"profiles": PROFILES.replace('"broker", model = "swift-2"', '"brokre", model = "swift-2"')},
        "profiles.toml:6: unknown provider 'brokre'; did you mean 'broker'?",
    ),
    "an unknown feature in a profile": (
        {"profiles": PROFILES.replace("extract = {", "extrakt = {")},
        "profiles.toml:6: unknown feature 'extrakt'; did you mean 'extract'?",
    ),
    "an unknown feature that is pinned": (
        {"profiles": PROFILES.replace("guard =", "gaurd =")},
        "profiles.toml:2: unknown feature 'gaurd'; did you mean 'guard'?",
    ),
    "an unknown profile to extend": (
        {"profiles": PROFILES.replace('extends = "premium"', 'extends = "premum"')},
        "profiles.toml:10: unknown profile 'premum'; did you mean 'premium'?",
    ),
    "a feature that a profile leaves out": (
        {"profiles": PROFILES.replace('extract = { provider = "broker", model = "swift-2" }\n', "")},
        "profiles.toml:4: profile 'premium' leaves out 'extract': route each, "
        "or declare it unavailable with the reason",
    ),
    "an option that the provider can't honour": (
        {"profiles": PROFILES.replace('"swift-2" }', '"swift-2", options = { thinking_budget = 0 } }')},
        "profiles.toml:6: provider 'broker' can't honour 'thinking_budget' for model 'swift-2'",
    ),
    "an option that these models refuse": (
        {
            "providers": PROVIDERS.replace(
                '[providers.broker]', '[[providers.acme.models]]\nmatch = ["swift-1*"]\ncannot = ["seed"]\n\n[providers.broker]'
            ),
            "profiles": PROFILES.replace('agent = { provider = "acme", model = "swift-1" }', 'agent = { provider = "acme", model = "swift-1", options = { seed = 7 } }'),
        },
        "profiles.toml:7: provider 'acme' can't honour 'seed' for model 'swift-1'",
    ),
    "options for a provider that no route of the feature goes through": (
        {"features": FEATURES.replace('about = "Summarise"', 'about = "Summarise"\noptions.tiny = { temperature = 0.8 }').replace("[features.guard]", "[features.guard]\noptions.tiny = { temperature = 0.8 }")},
        "these options have no effect: no route of 'guard' goes through 'tiny' (it goes through acme)",
    ),
    "an option that repeats the default of every call": (
        {"profiles": PROFILES.replace('"swift-2" }', '"swift-2", options = { timeout_s = 120 } }')},
        "profiles.toml:6: 'timeout_s' has no effect: the default of every call says 120",
    ),
    "an option that repeats what the feature says": (
        {
            "features": FEATURES.replace('about = "Summarise"', 'about = "Summarise"\noptions.acme = { temperature = 0.8 }'),
            "profiles": PROFILES.replace('summary = { provider = "acme", model = "swift-1" }', 'summary = { provider = "acme", model = "swift-1", options = { temperature = 0.8 } }'),
        },
        "profiles.toml:5: 'temperature' has no effect: features.toml:3 says 0.8",
    ),
    "a payer rule that makes another rule idle": (
        {"features": FEATURES + 'on_user_key_failure = "platform"\n'},
        "features.toml:15: has no effect: the payer of 'guard' is 'platform_only'",
    ),
    "a fallback that repeats its own hop": (
        {"profiles": PROFILES.replace('"swift-2" }', '"swift-2", fallbacks = [{ provider = "broker", model = "swift-2" }] }')},
        "profiles.toml:6: this fallback repeats 'swift-2:broker': name another (provider, model)",
    ),
    "a profile written out identically twice": (
        {"profiles": PROFILES + PROFILES[PROFILES.index("[profiles.premium"):PROFILES.index("[profiles.byok]")].replace("premium", "again")},
        "profile 'again' is written out identically to 'premium': say extends = \"premium\" instead",
    ),
    "a route that repeats what it inherits": (
        {"profiles": PROFILES.replace('{ provider = "broker", model = "swift-3" }', '{ provider = "acme", model = "swift-1" }')},
        "profiles.toml:13: this route of 'summary' has no effect: it repeats the one inherited from 'premium'",
    ),
    "a route of a pinned feature": (
        {"profiles": PROFILES.replace("extract = {", 'guard = { provider = "acme", model = "swift-9" }\nextract = {')},
        "profiles.toml:6: this row of 'guard' has no effect: the feature is pinned at profiles.toml:2",
    ),
    "an unused provider": (
        {"providers": PROVIDERS + '\n[providers.idle]\nprotocol = "openai_compatible"\nbase_url = "https://x.example"\n'},
        "providers.toml:17: provider 'idle' is unused: route to it, or say spare = true",
    ),
    "an unused profile": (
        {"profiles": PROFILES + '\n[profiles.draft]\nabstract = true\n'},
        "profiles.toml:21: profile 'draft' is abstract and never extended: it is unused",
    ),
    "a cycle in extends": (
        {"profiles": PROFILES.replace("[profiles.premium.routes]", '[profiles.premium]\nextends = "byok"\n\n[profiles.premium.routes]')},
        "a circle of extends: byok, premium",
    ),
    "a need that a route can't meet": (
        {"profiles": PROFILES[: PROFILES.index("[profiles.local.unavailable]")]},
        "feature 'agent' needs tools, which 'mini:tiny' does not support: route it elsewhere, "
        "or declare it unavailable in this profile with the reason",
    ),
    "an unknown protocol": (
        {"providers": PROVIDERS.replace('protocol = "openai_compatible"', 'protocol = "openai_compatable"', 1)},
        "providers.toml:2: no adapter speaks protocol 'openai_compatable'; did you mean 'openai_compatible'?",
    ),
    "a provider without an endpoint": (
        {"providers": PROVIDERS.replace('base_url = "https://broker.example/v1"\n', "")},
        "providers.toml:6: provider 'broker' needs exactly one of base_url, launch, own_endpoint",
    ),
    "a scored choice without log-probabilities": (
        {"profiles": PROFILES.replace('"mini" }', '"mini", ask = "score" }')},
        "'score' needs logprobs, which 'mini:tiny' does not support",
    ),
    "a row that is written twice": (
        {"more": '[features.summary]\nabout = "again"\n'},
        "features.summary is already written at",
    ),
    "a refusal of what the protocol can't carry anyway": (
        {"providers": PROVIDERS.replace("supports = [", 'cannot = ["thinking_level"]\nsupports = [')},
        "'thinking_level' has no effect: protocol 'openai_compatible' can't carry it anyway",
    ),
    "a file that is no TOML": (
        {"more": "[features\n"},
        "more.toml",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_named_with_its_place_and_its_mend(case: str, tmp_path: Path) -> None:
    changed, message = CASES[case]
    found = problems(written(tmp_path, **changed))

    assert any(message in problem for problem in found), "\n".join(found)


def test_six_different_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    catalog = written(
        tmp_path,
        features=FEATURES.replace('payer = "pl', 'pajer = "pl'),
        profiles=PROFILES.replace('"swift-2" }', '"swift-2", options = { thinking_budget = 0 } }')
        .replace('extends = "premium"', 'extends = "premum"')
        .replace('agent = { provider = "acme"', 'agent = { provider = "acmee"'),
        providers=PROVIDERS.replace('base_url = "https://broker.example/v1"\n', "")
        + '\n[providers.idle]\nprotocol = "openai_compatible"\nbase_url = "https://x.example"\n',
    )

    found = "\n".join(problems(catalog))

    for part in ("pajer", "thinking_budget", "premum", "acmee", "'broker' needs exactly one", "'idle' is unused"):
        assert part in found


def test_the_dead_temperatures_of_the_first_table_are_caught(tmp_path: Path) -> None:
    options = "\n".join(
        f"[features.{feature}.options.openrouter]\ntemperature = 0.8\n"
        for feature in ("persona_chat", "persona_chat_premium")
    )
    (tmp_path / "own.toml").write_text(options, encoding="utf-8")

    found = problems_over_the_shipped(tmp_path)

    for feature in ("persona_chat", "persona_chat_premium"):
        assert any(f"no route of '{feature}' goes through 'openrouter'" in problem for problem in found)


def test_an_empty_directory_and_a_missing_one_are_errors(tmp_path: Path) -> None:
    assert "holds no *.toml file" in problems(tmp_path)[0]
    assert "is not a directory" in problems(tmp_path / "nowhere")[0]


def test_an_overlay_line_that_repeats_the_shipped_catalog_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[features.conv_folder]\npayer = "user_only"\n', encoding="utf-8")
    from_below = '[features.fair_use]\npayer = "platform_only"\n'
    (tmp_path / "more.toml").write_text(from_below, encoding="utf-8")

    found = problems_over_the_shipped(tmp_path)

    assert len(found) == 1
    assert "more.toml:2" in found[0]
    assert "features.fair_use.payer has no effect: it repeats what features.toml" in found[0]


def problems_over_the_shipped(directory: Path) -> tuple[str, ...]:
    from app.errors import CatalogError
    from app.llm import TomlProfileRepository
    from tests.llm.catalog.catalogs import HONOURS

    with pytest.raises(CatalogError) as caught:
        TomlProfileRepository(HONOURS, directory=directory).catalog()
    return caught.value.problems


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_utf8_is_named(name: str, tmp_path: Path) -> None:
    catalog = written(tmp_path)
    (catalog / name).write_bytes(b"\xff\xfe")

    assert any(f"{name}: can't be read" in problem or f"{name}" in problem for problem in problems(catalog))
