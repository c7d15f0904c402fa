"""`pointsman routes ...`."""

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
every = { provider = "acme", model = "swift-1", fallbacks = [{ provider = "openai", model = "gpt-9" }] }

[profiles.acme.unavailable]
chat_agent = "swift can't call tools"
web_search = "swift can't search"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_listing_shows_every_feature_with_its_route(own: Path) -> None:
    listed = pointsman("routes", "list", "--profile", "acme", "--catalog", own)
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert lines[0].endswith("features in profile acme")
    (folder,) = [line for line in lines if line.strip().startswith("conv_folder ")]
    assert folder.split() == ["conv_folder", "acme", "swift-1", "user_or_platform", "then", "gpt-9:openai"]
    (agent,) = [line for line in lines if line.strip().startswith("chat_agent ")]
    assert "unavailable" in agent
    assert "swift can't call tools" in agent
    (judge,) = [line for line in lines if line.strip().startswith("fair_use ")]
    assert "pinned" in judge


def test_listing_as_json_holds_the_same_facts(own: Path) -> None:
    listed = json.loads(pointsman("--catalog", own, "routes", "list", "-p", "acme", "--json").stdout)
    assert listed["profile"] == "acme"
    features = {row["feature"]: row for row in listed["features"]}
    assert features["conv_folder"]["model"] == "swift-1"
    assert features["conv_folder"]["fallbacks"] == [{"provider": "openai", "model": "gpt-9"}]
    assert features["chat_agent"]["unavailable"] == "swift can't call tools"
    assert features["fair_use"]["pinned"] is True
    assert list(features) == sorted(features)


def test_the_option_nearest_to_the_command_wins() -> None:
    listed = pointsman("--profile", "max", "routes", "list", "--profile", "local", "--json")
    assert json.loads(listed.stdout)["profile"] == "local"


def test_the_profile_comes_from_the_environment_unless_an_option_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MODEL_QOS", " Max ")
    assert json.loads(pointsman("routes", "list", "--json").stdout)["profile"] == "max"


@pytest.mark.usefixtures("_keys")
def test_explaining_answers_where_and_why() -> None:
    explained = pointsman("routes", "explain", "conv_folder")
    assert explained.exit_code == 0
    assert "paid by the platform" in explained.stdout
    assert "OPENAI_API_KEY" in explained.stdout
    assert "openai-platform-key" not in explained.output


def test_explaining_with_a_users_key_needs_no_platform_key() -> None:
    explained = pointsman("routes", "explain", "conv_folder", "--user-key", "openai", "--json")
    assert explained.exit_code == 0
    record = json.loads(explained.stdout)
    assert [hop["payer"] for hop in record["hops"]] == ["user"]
    assert record["error"] is None


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["conv_folder"], "OPENAI_API_KEY is not set"),
        (["conv_foldr"], "did you mean 'conv_folder'?"),
        (["chat_agent", "--profile", "local"], "can't call tools"),
        (["conv_folder", "--user-key", "opnai"], "did you mean 'openai'?"),
    ],
)
def test_explaining_what_cannot_run_says_why_and_fails(words: list[str], part: str) -> None:
    explained = pointsman("routes", "explain", *words)
    assert explained.exit_code == 2
    assert part in explained.stdout
    record = json.loads(pointsman("routes", "explain", *words, "--json").stdout)
    assert part in record["error"]


def test_a_blank_user_key_provider_is_an_error_and_no_platform_call() -> None:
    assert pointsman("routes", "explain", "conv_folder", "--user-key", "").exit_code == 2


def test_checking_a_sound_catalog_sums_it_up(own: Path) -> None:
    checked = pointsman("routes", "check", "--catalog", own)
    assert checked.exit_code == 0
    assert checked.stdout.startswith("fine: ")
    assert "acme" in checked.stdout
    record = json.loads(pointsman("routes", "check", "--catalog", own, "--json").stdout)
    assert record["ok"] is True
    assert "acme" in record["profiles"]


def test_checking_reports_all_of_six_mistakes_a_line_each(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        """
[providers.acme]
protocol = "openai_compatible"
base_url = "https://api.acme.example/v1"
colour = "red"

[providers.nova]
protocol = "openai_compatibel"
base_url = "https://nova.example/v1"

[profiles.mine]
extends = "premum"
every = { provider = "acme", model = "swift-1" }

[profiles.premium.routes]
memories = { provider = "opnai", model = "gpt-9" }
conv_foldr = { provider = "openai", model = "gpt-9" }
conv_discard = { provider = "openai", model = "gpt-9", options = { thinking_budget = 0 } }
""",
        encoding="utf-8",
    )
    checked = pointsman("routes", "check", "--catalog", tmp_path)
    assert checked.exit_code == 2
    lines = checked.stdout.splitlines()
    assert all("own.toml:" in line for line in lines)
    for part in ("colour", "'premium'", "'openai'", "conv_folder", "thinking_budget", "'openai_compatibel'"):
        assert any(part in line for line in lines), part
    record = json.loads(pointsman("routes", "check", "--catalog", tmp_path, "--json").stdout)
    assert record == {"ok": False, "problems": lines}


def test_another_command_over_a_broken_catalog_prints_its_problems_and_fails(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[profile.premium]\n", encoding="utf-8")
    listed = pointsman("routes", "list", "--catalog", tmp_path)
    assert listed.exit_code == 2
    assert listed.stdout == ""
    assert "own.toml:1" in listed.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["routes", "list", "--profile", "premum"],
        ["routes", "check", "--profile", "premum"],
        ["--profile", "premum", "providers", "list"],
        ["--catalog", "/nowhere/at/all", "routes", "list"],
    ],
)
def test_wrong_configuration_is_exit_code_2_with_a_message(words: list[str]) -> None:
    ended = pointsman(*words)
    assert ended.exit_code == 2
    assert "did you mean 'premium'?" in ended.output or "/nowhere/at/all" in ended.output


def test_a_setting_without_sense_is_exit_code_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_USER_CLIENT_LIMIT", "many")
    ended = pointsman("routes", "list")
    assert ended.exit_code == 2
    assert "POINTSMAN_USER_CLIENT_LIMIT" in ended.stderr


@pytest.mark.parametrize("words", [[], ["routes"], ["--help"], ["folders", "assign", "--help"]])
def test_help_is_there_for_whoever_looks_for_it(words: list[str]) -> None:
    assert "Usage: " in pointsman(*words).output


@pytest.mark.parametrize("words", [["route"], ["routes", "lst"], ["routes", "list", "--profil", "max"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert pointsman(*words).exit_code == 2


def test_the_version_is_printed() -> None:
    ended = pointsman("--version")
    assert ended.exit_code == 0
    assert ended.stdout.startswith("pointsman 0.")


def test_the_layers_logs_are_shown_on_standard_error_and_only_when_asked_for() -> None:
    assert pointsman("routes", "list").stderr == ""
    verbose = pointsman("-v", "routes", "list", "--json")
    assert "profile_active" in verbose.stderr
    assert json.loads(verbose.stdout)
