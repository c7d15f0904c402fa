"""Every line of a catalog has an effect, or is an error with its place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import CatalogError
from app.llm import TomlProfileRepository
from tests.llm.catalog.catalogs import FILES, HONOURS, load, problems, written
from tests.llm.catalog.mistakes import MISTAKES

if TYPE_CHECKING:
    from pathlib import Path

SIX = (
    "an unknown key",
    "an option that the provider can't honour",
    "an unknown profile to extend",
    "an unknown feature that is pinned",
    "a provider without an endpoint",
    "an unused provider",
)


def problems_over_the_shipped(directory: Path) -> tuple[str, ...]:
    with pytest.raises(CatalogError) as caught:
        TomlProfileRepository(HONOURS, directory=directory).catalog()
    return tuple(problem.replace(f"{directory}/", "") for problem in caught.value.problems)


def test_the_catalog_of_these_tests_is_right(tmp_path: Path) -> None:
    catalog = load(written(tmp_path))

    assert catalog.route("summary", "byok").target == "swift-3:broker"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_mend(name: str, tmp_path: Path) -> None:
    mistake = MISTAKES[name]
    found = problems(written(tmp_path, **mistake.files()))

    assert any(mistake.says in problem for problem in found), "\n".join(found)


def test_six_different_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    files = dict(FILES)
    for name in SIX:
        for stem, old, new in MISTAKES[name].edits:
            text = files[f"{stem}.toml"]
            files[f"{stem}.toml"] = text.replace(old, new, 1) if old else text + new

    found = problems(written(tmp_path, **{name.removesuffix(".toml"): text for name, text in files.items()}))

    for part in ("'features.guard.pajer'", "thinking_budget", "premum", "gaurd", "'broker' needs", "'idle'"):
        assert any(part in problem for problem in found), part


def test_the_dead_temperatures_of_the_first_table_are_caught(tmp_path: Path) -> None:
    features = ("persona_chat", "persona_chat_premium")
    rows = [f"[features.{feature}.options.openrouter]\ntemperature = 0.8\n" for feature in features]
    (tmp_path / "own.toml").write_text("\n".join(rows), encoding="utf-8")

    found = problems_over_the_shipped(tmp_path)

    for feature in features:
        assert any(f"no route of '{feature}' goes through 'openrouter'" in problem for problem in found)


def test_an_empty_directory_and_a_missing_one_are_errors(tmp_path: Path) -> None:
    assert "holds no *.toml file" in problems(tmp_path)[0]
    assert "is not a directory" in problems(tmp_path / "nowhere")[0]


def test_an_overlay_line_that_repeats_the_shipped_catalog_is_an_error(tmp_path: Path) -> None:
    repeats = '[features.fair_use]\npayer = "platform_only"\n'
    (tmp_path / "own.toml").write_text(repeats, encoding="utf-8")

    (problem,) = problems_over_the_shipped(tmp_path)

    assert problem.startswith(
        "own.toml:2: features.fair_use.payer has no effect: it repeats what features.toml"
    )


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    catalog = written(tmp_path)
    (catalog / "features.toml").write_bytes(b"\xff\xfe")

    assert any(problem.startswith("features.toml: can't be read") for problem in problems(catalog))
