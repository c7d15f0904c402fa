"""An operator's catalog lies over the shipped one or stands instead of it; every value knows its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import CatalogError
from app.llm import TomlProfileRepository
from tests.llm.catalog.catalogs import HONOURS, PROFILES, load, problems, written

if TYPE_CHECKING:
    from pathlib import Path

    from app.llm.catalog.model import Catalog


def overlaid(directory: Path, text: str, **reroutes: str) -> Catalog:
    (directory / "own.toml").write_text(text, encoding="utf-8")
    return TomlProfileRepository(HONOURS, directory=directory, reroutes=reroutes).catalog()


def test_the_shipped_catalog_compiles_and_holds_36_features_and_four_profiles() -> None:
    catalog = TomlProfileRepository(HONOURS).catalog()

    assert len(catalog.features) == 36
    assert catalog.selectable == ["byok", "local", "max", "premium"]
    assert catalog.default is None


def test_an_overlay_replaces_one_route_and_leaves_the_others(tmp_path: Path) -> None:
    own = '[profiles.premium.routes]\nconv_folder = { provider = "groq", model = "llama-9" }\n'
    catalog, shipped = overlaid(tmp_path, own), TomlProfileRepository(HONOURS).catalog()

    assert catalog.route("conv_folder", "premium").target == "llama-9:groq"
    assert catalog.route("trends", "premium") == shipped.route("trends", "premium")


def test_a_route_is_replaced_as_one_value_with_its_options(tmp_path: Path) -> None:
    own = '[profiles.local.routes]\nconv_folder = { provider = "ollama", model = "qwen3:4b" }\n'
    route = overlaid(tmp_path, own).route("conv_folder", "local")

    assert (route.target, route.ask) == ("qwen3:4b:ollama", "generate")


def test_every_value_knows_its_file_its_line_and_its_layer(tmp_path: Path) -> None:
    own = "\n[features.conv_folder]\ndeadline_s = 20\n"
    catalog = overlaid(tmp_path, own)

    assert str(catalog.place("features", "conv_folder", "deadline_s")) == f"{tmp_path}/own.toml:3"
    about = catalog.place("features", "conv_folder", "about")
    assert about is not None
    assert (about.file, about.layer) == ("features.toml", "shipped")


def test_an_overlay_can_serve_what_the_profile_below_could_not(tmp_path: Path) -> None:
    own = '[profiles.local.routes]\nchat_agent = { provider = "ollama", model = "qwen3:4b" }\n'
    catalog = overlaid(tmp_path, own)

    assert catalog.route("chat_agent", "local").provider == "ollama"


def test_an_overlay_can_pin_a_feature_that_the_profiles_below_route(tmp_path: Path) -> None:
    catalog = overlaid(tmp_path, '[pinned]\ntrends = { provider = "groq", model = "llama-9" }\n')

    assert catalog.route("trends", "max").target == "llama-9:groq"


def test_an_overlay_may_leave_rows_of_the_layer_below_without_effect(tmp_path: Path) -> None:
    rows = [
        f'[profiles.{name}.routes]\nwrapped_analysis = {{ provider = "openai", model = "gpt-9" }}'
        for name in ("premium", "max")
    ]
    catalog = overlaid(tmp_path, "\n".join(rows))

    assert catalog.route("wrapped_analysis", "premium").target == "gpt-9:openai"


def test_a_reroute_may_leave_options_of_the_old_provider_without_effect() -> None:
    repository = TomlProfileRepository(HONOURS, reroutes={"openrouter": "openai/gpt-9"})

    assert repository.catalog().route("wrapped_analysis", "max").target == "gpt-9:openai"


def test_a_catalog_can_stand_instead_of_the_shipped_one(tmp_path: Path) -> None:
    assert set(load(written(tmp_path)).features) == {"summary", "extract", "agent", "guard"}


def test_one_setting_sends_a_providers_routes_to_another_model(tmp_path: Path) -> None:
    catalog = load(written(tmp_path), tiny="acme/swift-9")

    assert catalog.route("summary", "local").target == "swift-9:acme"
    assert str(catalog.place("profiles", "local", "every")) == "POINTSMAN_REROUTE"


@pytest.mark.parametrize("target", ["acem/swift-9", "acme", "acme/"])
def test_a_reroute_that_leads_nowhere_is_an_error(target: str, tmp_path: Path) -> None:
    assert any("POINTSMAN_REROUTE" in problem for problem in problems(written(tmp_path), tiny=target))


def test_a_profile_inherits_what_it_does_not_write(tmp_path: Path) -> None:
    catalog = load(written(tmp_path))

    assert catalog.route("extract", "byok") == catalog.route("extract", "premium")
    assert catalog.route("summary", "byok") != catalog.route("summary", "premium")


def test_the_catalog_is_read_once(tmp_path: Path) -> None:
    repository = TomlProfileRepository(HONOURS, directory=written(tmp_path), mode="replace")

    assert repository.catalog() is repository.catalog()


def test_an_abstract_profile_may_leave_features_out_and_is_no_active_one(tmp_path: Path) -> None:
    extended = PROFILES.replace('extends = "premium"', 'extends = "draft"').replace(
        "[profiles.byok.routes]",
        "[profiles.draft]\nabstract = true\nextends = 'premium'\n\n[profiles.byok.routes]",
    )
    assert "draft" not in load(written(tmp_path, profiles=extended)).selectable


def test_a_broken_catalog_is_an_error_each_time_it_is_asked_for(tmp_path: Path) -> None:
    repository = TomlProfileRepository(HONOURS, directory=tmp_path)

    for _ in range(2):
        with pytest.raises(CatalogError):
            repository.catalog()
