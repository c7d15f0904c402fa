"""`pointsman byok coverage`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import pointsman

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
[providers.acme]
protocol = "openai_compatible"
base_url = "https://api.acme.example/v1"
key_env = "ACME_API_KEY"

[profiles.acme]
every = { provider = "acme", model = "swift-1" }

[profiles.acme.unavailable]
chat_agent = "swift can't call tools"
web_search = "swift can't search"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("_keys")
def test_a_table_shows_each_feature_and_the_summary_counts_them() -> None:
    shown = pointsman("byok", "coverage", "--keys", "openai, gemini")

    assert shown.exit_code == 0
    first, *rows = shown.stdout.splitlines()
    assert first.startswith("profile premium, keys for gemini, openai: of ")
    (guarded,) = [row for row in rows if row.strip().startswith("fair_use ")]
    assert guarded.split()[1] == "platform"
    assert "platform_only: users never pay for this feature" in guarded


def test_no_real_key_is_needed_and_what_stops_says_why(own: Path) -> None:
    shown = pointsman("byok", "coverage", "--keys", "acme", "--catalog", own, "-p", "acme", "--json")

    assert shown.exit_code == 0
    found = json.loads(shown.stdout)
    features = {row["feature"]: row for row in found["features"]}
    assert found["profile"] == "acme"
    assert (features["conv_folder"]["outcome"], features["conv_folder"]["model"]) == ("user", "swift-1")
    assert features["fair_use"]["error"] == "MissingPlatformKey"
    assert features["chat_agent"]["error"] == "FeatureUnavailable"
    assert "swift can't call tools" in features["chat_agent"]["reason"]
    assert list(features) == sorted(features)
    assert sum(found["counts"].values()) == len(features)


def test_a_feature_that_stops_has_its_reason_in_the_table(own: Path) -> None:
    shown = pointsman("byok", "coverage", "--keys", "acme", "--catalog", own, "-p", "acme")

    (row,) = [row for row in shown.stdout.splitlines() if row.strip().startswith("chat_agent ")]
    assert row.split()[1] == "stops"
    assert "swift can't call tools" in row


@pytest.mark.usefixtures("_keys")
def test_what_may_fall_to_the_platform_is_shown(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[features.conv_folder]\non_user_key_failure = "platform"\n', encoding="utf-8"
    )
    keys = "gemini,openai,openrouter,anthropic"

    shown = pointsman("byok", "coverage", "--keys", keys, "--catalog", tmp_path)

    (row,) = [row for row in shown.stdout.splitlines() if "planned if the user's key fails" in row]
    assert row.split()[:2] == ["conv_folder", "user"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--keys", "openaj"], "unknown provider 'openaj'; did you mean 'openai'?"),
        (["--keys", " , "], "name at least one provider"),
        (["--keys", "openai", "--profile", "premum"], "did you mean 'premium'?"),
        ([], "--keys"),
    ],
)
def test_what_can_be_mended_is_said_and_ends_with_2(words: list[str], says: str) -> None:
    shown = pointsman("byok", "coverage", *words)

    assert shown.exit_code == 2
    assert says in shown.stderr
