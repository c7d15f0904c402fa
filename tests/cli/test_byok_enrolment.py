"""`pointsman byok migrate | enrol | withdraw | list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.llm import InMemoryEnrolledKeys
from tests.cli.commands import pointsman

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings

KEY = "sk-canary-ada"


@pytest.fixture
def _database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_BYOK_DATABASE_URL", f"sqlite:///{tmp_path / 'keys.db'}")
    monkeypatch.setenv("POINTSMAN_BYOK_PEPPERS", "2026=a-pepper-of-the-product, 2025=an-older-pepper-of-ours")


@pytest.fixture
def _migrated(_database: None) -> None:
    assert pointsman("byok", "migrate").exit_code == 0


def enrolled(user: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(pointsman("byok", "list", user, "--json").stdout)["enrolled"]
    return found


@pytest.mark.usefixtures("_migrated")
def test_a_key_is_enrolled_from_standard_input_listed_and_withdrawn() -> None:
    done = pointsman("byok", "enrol", "ada", "openai", stdin=f"{KEY}\n")
    assert (done.exit_code, KEY in done.output) == (0, False)
    (row,) = enrolled("ada")
    assert (row["provider"], row["pepper"], len(row["fingerprint"])) == ("openai", "2026", 8)
    assert row["fingerprint"] in pointsman("byok", "list", "ada").stdout
    assert "1 key of ada withdrawn" in pointsman("byok", "withdraw", "ada", "openai").stdout
    assert enrolled("ada") == []
    assert "0 keys" in pointsman("byok", "withdraw", "ada").stdout


@pytest.mark.usefixtures("_migrated")
def test_a_users_own_endpoint_is_enrolled_with_its_url_and_model() -> None:
    whole = ("byok", "enrol", "ada", "user_endpoint", "--url", "https://llm.example/v1", "--model", "own-1")
    assert pointsman(*whole, stdin=KEY).exit_code == 0
    assert [row["provider"] for row in enrolled("ada")] == ["user_endpoint"]
    for words in (whole[:4], whole[:6], ("byok", "enrol", "ada", "openai", "--url", "https://x.example")):
        assert pointsman(*words, stdin=KEY).exit_code == 2


@pytest.mark.usefixtures("_migrated")
def test_migrating_again_is_fine() -> None:
    assert pointsman("byok", "migrate").exit_code == 0


@pytest.mark.usefixtures("_migrated")
@pytest.mark.parametrize(
    ("provider", "stdin", "said"),
    [
        ("opnai", KEY, "did you mean 'openai'"),
        ("openai", "", "blank"),
        ("openai", "sk canary", "printable ASCII"),
    ],
)
def test_what_cant_be_enrolled_is_wrong_usage(provider: str, stdin: str, said: str) -> None:
    refused = pointsman("byok", "enrol", "ada", provider, stdin=stdin)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert "canary" not in refused.output
    assert enrolled("ada") == []


@pytest.mark.usefixtures("_database")
def test_a_database_that_isnt_migrated_says_what_to_run() -> None:
    refused = pointsman("byok", "list", "ada")
    assert refused.exit_code == 1
    assert "pointsman byok migrate" in refused.stderr


@pytest.mark.parametrize(
    "words", [("migrate",), ("list", "ada"), ("withdraw", "ada"), ("enrol", "ada", "openai")]
)
def test_without_a_database_the_variable_is_named(words: tuple[str, ...]) -> None:
    refused = pointsman("byok", *words, stdin=KEY)
    assert refused.exit_code == 2
    assert "POINTSMAN_BYOK_DATABASE_URL" in refused.stderr


@pytest.mark.usefixtures("_database")
def test_without_a_pepper_its_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_BYOK_PEPPERS")
    refused = pointsman("byok", "list", "ada")
    assert refused.exit_code == 2
    assert "POINTSMAN_BYOK_PEPPERS" in refused.stderr


def test_a_store_of_the_products_own_has_no_table_to_migrate() -> None:
    def make(settings: Settings) -> object:
        return Container(settings=settings, enrolled_keys=InMemoryEnrolledKeys())

    refused = pointsman("byok", "migrate", make=make)
    assert refused.exit_code == 2
    assert "no table" in refused.stderr
