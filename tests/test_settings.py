"""Settings read the environment once, and refuse what makes no sense by the name of its variable."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from app.errors import SettingsError
from app.settings import Settings

SECRET = "sk-canary-0815"


def test_the_defaults_need_no_environment() -> None:
    settings = Settings()

    assert (settings.model_qos, settings.strict, settings.catalog_mode) == ("premium", True, "overlay")
    assert (settings.user_client_limit, settings.user_client_ttl_s) == (256, 3600.0)
    assert settings.vertex is None


def test_providers_variables_are_read_by_name_and_kept_as_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", SECRET)
    monkeypatch.setenv("ACME_BASE_URL", " https://proxy.example ")
    settings = Settings()
    monkeypatch.delenv("ACME_API_KEY")

    assert settings.variable("ACME_API_KEY") == SECRET
    assert settings.variable("ACME_BASE_URL") == "https://proxy.example"
    assert settings.variable("OTHER_API_KEY") is None
    assert SECRET not in repr(settings)


def test_R7_settings_are_made_anew_in_another_process_and_never_pickled() -> None:
    settings = Settings(variables={"ACME_API_KEY": SECRET})

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="make Settings anew in that process") as caught:
            pickle.dumps(settings, protocol)
        assert SECRET not in str(caught.value)


def test_settings_can_be_copied() -> None:
    settings = Settings(variables={"ACME_API_KEY": SECRET})

    for other in (copy.copy(settings), copy.deepcopy(settings), settings.model_copy()):
        assert other == settings
        assert other.variable("ACME_API_KEY") == SECRET


def test_a_blank_variable_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "   ")

    assert Settings().variable("ACME_API_KEY") is None


def test_vertex_needs_both_of_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_VERTEX_AI", "true")
    assert Settings().vertex is None

    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    assert Settings().vertex == ("acme", "us-central1")

    monkeypatch.setenv("GCP_LOCATION", "europe-west4")
    assert Settings().vertex == ("acme", "europe-west4")


def test_a_reroute_is_read_as_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_REROUTE", "local=ollama/qwen3:4b, openai = groq/llama-9")

    assert Settings().reroute == {"local": "ollama/qwen3:4b", "openai": "groq/llama-9"}


def test_lists_are_read_by_commas_and_peppers_are_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_BYOK_PEPPERS", "2026-11=a=b, 2025=canary-pepper")
    monkeypatch.setenv("POINTSMAN_USER_ENDPOINT_HOSTS", "llm.corp.example, http://10.0.0.5:8000,")
    settings = Settings()

    assert list(settings.byok_peppers) == ["2026-11", "2025"]
    assert settings.byok_peppers["2026-11"].get_secret_value() == "a=b"
    assert "canary-pepper" not in repr(settings)
    assert settings.user_endpoint_hosts == ("llm.corp.example", "http://10.0.0.5:8000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POINTSMAN_STRICT", "perhaps"),
        ("POINTSMAN_CATALOG_MODE", "under"),
        ("POINTSMAN_USER_CLIENT_LIMIT", "0"),
        ("POINTSMAN_USER_CLIENT_TTL_S", "soon"),
        ("USE_VERTEX_AI", "maybe"),
        ("POINTSMAN_REROUTE", "local=ollama/a, local=ollama/b"),
        ("POINTSMAN_REROUTE", "local"),
        ("POINTSMAN_BYOK_PEPPERS", "new=se,cret"),
        ("POINTSMAN_BYOK_PEPPERS", "new="),
        ("POINTSMAN_BYOK_BAD_HEADERS", "ignore"),
        ("POINTSMAN_USER_ENDPOINT_RESPONSE_LIMIT", "0"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_by_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name) as caught:
        Settings()

    assert "cret" not in str(caught.value)


def test_a_misspelt_variable_of_ours_is_an_error_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("POINTSMAN_CATALOGUE", "somewhere")

    with pytest.raises(SettingsError, match="POINTSMAN_CATALOGUE; did you mean POINTSMAN_CATALOG"):
        Settings()


def test_a_variable_that_only_shares_the_prefix_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_PORT_80_TCP_ADDR", "10.0.0.7")

    assert Settings().strict


def test_settings_are_frozen() -> None:
    settings = Settings()

    with pytest.raises(ValidationError):
        setattr(settings, "strict", False)  # noqa: B010 - a checker refuses the plain assignment
