"""`pointsman providers list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cli.commands import pointsman

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def listed(*words: object) -> dict[str, dict[str, Any]]:
    rows = json.loads(pointsman("providers", "list", "--json", *words).stdout)["providers"]
    return {row["provider"]: row for row in rows}


def test_each_provider_is_listed_with_what_it_needs_and_who_needs_it() -> None:
    openai = listed()["openai"]
    assert openai["protocol"] == "openai_compatible"
    assert openai["base_url"].startswith("https://")
    assert (openai["key_variable"], openai["key_is_set"]) == ("OPENAI_API_KEY", False)
    assert "fair_use" in openai["features"]


def test_a_key_is_said_to_be_set_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody-may-see-this")
    monkeypatch.setenv("GEMINI_API_KEY", "  ")
    assert listed()["openai"]["key_is_set"] is True
    assert listed()["gemini"]["key_is_set"] is False
    shown = pointsman("providers", "list")
    assert shown.exit_code == 0
    assert "sk-nobody" not in shown.output


def test_a_redirected_provider_shows_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    assert listed()["openai"]["base_url"] == "https://proxy.example/v1"


def test_what_has_no_key_or_no_endpoint_yet_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    local = listed("--profile", "local")["local"]
    assert (local["key_variable"], local["key_is_set"], local["base_url"]) == (None, None, None)
    assert "conv_folder" in local["features"]
    table = pointsman("providers", "list").stdout
    assert "started on first use" in table
    assert "AZURE_BASE_URL isn't set" in table


def test_a_fallback_is_a_dependence_too(tmp_path: Path) -> None:
    route = '{ provider = "openai", model = "a", fallbacks = [{ provider = "anthropic", model = "b" }] }'
    (tmp_path / "own.toml").write_text(f"[profiles.premium.routes]\nmemories = {route}\n", encoding="utf-8")
    assert "memories" in listed("--catalog", tmp_path)["anthropic"]["features"]
