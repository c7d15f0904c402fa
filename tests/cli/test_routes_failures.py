"""`pointsman routes failures`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.errors import FailureClass
from app.llm import InMemoryProfileRepository
from tests.cli.commands import pointsman
from tests.llm.services import HONOURS, TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

OWN = """
[features.notes]
about = "Take notes"
on_user_key_failure = "platform"
last_resort = "first_line"

[features.notes.failures]
content_filter = "next"
timeout = { user = "next" }

[features.audit]
about = "Audit"
payer = "platform_only"
failures.overloaded = "next"

[features.diary]
about = "Keep a diary"
payer = "user_only"

[failures]
unknown = "raise"

[pinned]
notes = { provider = "openai", model = "a", fallbacks = [{ provider = "anthropic", model = "b" }] }
audit = { provider = "openai", model = "a", fallbacks = [{ provider = "anthropic", model = "b" }] }
diary = { provider = "openai", model = "a" }
"""
FILTERED, SLOW, CROSSING = (
    'content_filter = "next"',
    'timeout = { user = "next" }',
    'on_user_key_failure = "platform"',
)
LINES = {line: number for number, line in enumerate(OWN.splitlines(), 1)}


def at(directory: Path, line: str) -> str:
    """Return the place of a line of the operator's catalog."""
    return f"{directory}/own.toml:{LINES[line]}"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN.replace('last_resort = "first_line"\n', "\n"), encoding="utf-8")
    return tmp_path


def rows_of(stdout: str) -> dict[str, list[str]]:
    """Return the words of each row of the table by its first."""
    rows = (line.split() for line in stdout.splitlines() if line.startswith(" "))
    return {row[0]: row[1:] for row in rows if row}


def test_the_table_names_every_failure_what_follows_on_each_bill_and_where_that_is_written() -> None:
    printed = pointsman("routes", "failures")

    assert printed.exit_code == 0
    rows = rows_of(printed.stdout)
    assert set(FailureClass.__args__) <= set(rows)  # type: ignore[attr-defined]
    assert rows["auth"][:2] == ["next", "raise"]
    assert rows["auth"][2].startswith("failures.toml:")
    assert rows["context_length"][:2] == ["larger", "larger"]
    assert "instead of" not in printed.stdout


def test_a_catalogs_own_rules_are_shown_with_what_they_replace(own: Path) -> None:
    printed = pointsman("routes", "failures", "--catalog", own)

    row = rows_of(printed.stdout)["unknown"]
    assert row[:3] == ["raise", "raise", at(own, 'unknown = "raise"')]
    assert row[3] == "next"
    assert row[4].startswith("(failures.toml:")
    lines = printed.stdout.splitlines()
    assert lines[-2].endswith('where on_user_key_failure = "platform": notes')
    assert lines[-1].endswith(": audit, notes")


def test_a_features_rules_are_shown_with_what_they_override_on_which_bill(own: Path) -> None:
    printed = pointsman("routes", "failures", "--feature", "notes", "--catalog", own)

    rows = rows_of(printed.stdout)
    filtered, timeout = " ".join(rows["content_filter"]), " ".join(rows["timeout"])
    assert filtered.startswith(f"next next {at(own, FILTERED)} raise (failures")
    assert timeout.startswith("retry next platform: failures.toml:")
    assert f"user: {at(own, SLOW)} user: retry (failures.toml:" in timeout
    crosses = f"{CROSSING} at {at(own, CROSSING)}"
    assert printed.stdout.splitlines()[-1].endswith(crosses)


@pytest.mark.parametrize(
    ("feature", "column", "note"),
    [
        ("audit", 3, "across payers: never; only the platform pays for this feature"),
        ("diary", 1, "across payers: never; only users pay for this feature"),
        ("trends", None, 'across payers: never; on_user_key_failure = "raise"'),
    ],
)
def test_who_never_pays_has_no_rules(feature: str, column: int | None, note: str, own: Path) -> None:
    printed = pointsman("routes", "failures", "-f", feature, "--catalog", own)

    assert printed.stdout.splitlines()[-1] == note
    cells = rows_of(printed.stdout)["auth"]
    assert ("never" in cells) == (column is not None)
    if feature == "diary":
        assert cells[:3] == ["never", "pays", "raise"]
    if feature == "audit":
        assert cells[:3] == ["next", "never", "pays"]


def test_json_holds_the_same_facts(own: Path) -> None:
    printed = pointsman("routes", "failures", "-f", "audit", "--catalog", own, "--json")

    record = json.loads(printed.stdout)
    assert record["feature"] == "audit"
    overloaded = record["failures"]["overloaded"]
    assert overloaded["user"] is None
    assert overloaded["platform"]["action"] == "next"
    assert overloaded["platform"]["instead_of"]["action"] == "retry"
    assert record["failures"]["timeout"]["platform"]["instead_of"] is None
    whole = json.loads(pointsman("routes", "failures", "--json").stdout)
    assert whole["feature"] is None
    assert whole["failures"]["quota"]["user"]["action"] == "raise"


def test_a_catalog_in_memory_says_so_and_a_last_resort_is_named() -> None:
    chat: dict[str, Any] = {
        **TABLES["features"]["chat"],
        "failures": {"timeout": "next"},
        "last_resort": "a_word",
    }
    tables = TABLES | {"features": TABLES["features"] | {"chat": chat}}
    printed = pointsman("routes", "failures", "-f", "chat", make=lambda settings: over(settings, tables))

    assert " ".join(rows_of(printed.stdout)["timeout"]).startswith(
        "next next a catalog in memory retry (fail"
    )
    lines = printed.stdout.splitlines()
    assert lines[-2].endswith('on_user_key_failure = "platform" at a catalog in memory')
    assert lines[-1] == "when all of it failed: a_word answers without a model"


def over(settings: Settings, tables: dict[str, Any]) -> Any:  # noqa: ANN401 - Container() returns a DynamicContainer
    return Container(settings=settings, profile_repository=InMemoryProfileRepository(tables, HONOURS))


def test_an_unknown_feature_is_an_error_with_the_nearest_name() -> None:
    printed = pointsman("routes", "failures", "--feature", "conv_foldr")

    assert printed.exit_code == 2
    assert "did you mean 'conv_folder'?" in printed.stderr


def test_a_rule_that_must_not_be_fails_every_command_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[failures]\ninvalid_request = "next"\n', encoding="utf-8")

    for words in (("failures",), ("list",)):
        printed = pointsman("routes", *words, "--catalog", tmp_path)
        assert printed.exit_code == 2
        assert "own.toml:2: invalid_request = 'next' can't be" in printed.stderr
