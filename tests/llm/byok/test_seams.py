"""Enrolment in the container: off unless a store is named, replaced in one line, closed with the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.errors import ResourceClosed, SettingsError
from app.llm import InMemoryEnrolledKeys, InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.services import HONOURS, TABLES

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-canary-ada"
Parts = Any
"""A container: `Container()` returns a dynamic one, whose attributes no type checker knows."""
PEPPERS = {"2026": "a-pepper-of-the-product"}


def container(**overrides: Any) -> Parts:
    settings = overrides.pop("settings", None) or Settings(byok_peppers=PEPPERS)
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    return Container(settings=settings, profile_repository=repository, **overrides)


def test_without_a_database_keys_neednt_be_enrolled() -> None:
    with running(container(settings=Settings())) as parts:
        assert (parts.enrolled_keys(), parts.enrolment()) == (None, None)
        assert parts.byok_entry().scope_of("ada", keys={"acme": KEY}).providers == {"acme"}


def test_the_settings_name_a_database(database: Path) -> None:
    settings = Settings(byok_peppers=PEPPERS, byok_database_url=f"sqlite:///{database}")
    with running(container(settings=settings)) as parts:
        entry = parts.byok_entry()
        assert entry.scope_of("ada", keys={"acme": KEY}) == RequestScope("ada")
        parts.enrolment().enrol("ada", "acme", KEY)
        assert entry.scope_of("ada", keys={"acme": KEY}).providers == {"acme"}
    with pytest.raises(ResourceClosed):
        entry.scope_of("eve", keys={"acme": KEY})


def test_a_store_of_the_products_own_takes_its_place_in_one_line_before_and_after_first_use() -> None:
    with running(container(enrolled_keys=InMemoryEnrolledKeys())) as parts:
        parts.enrolment().enrol("ada", "acme", KEY)
        assert parts.byok_entry().scope_of("ada", keys={"acme": KEY}).providers == {"acme"}
        parts.enrolled_keys.override(InMemoryEnrolledKeys())
        assert parts.byok_entry().scope_of("ada", keys={"acme": KEY}).providers == frozenset()


def test_enrolment_without_a_pepper_is_an_error_when_the_application_is_made() -> None:
    parts = container(settings=Settings(), enrolled_keys=InMemoryEnrolledKeys())
    with running(parts), pytest.raises(SettingsError, match="POINTSMAN_BYOK_PEPPERS"):
        parts.byok_entry()


def test_a_database_url_that_makes_no_sense_is_an_error_at_the_start_and_not_at_the_end() -> None:
    parts = container(settings=Settings(byok_peppers=PEPPERS, byok_database_url="nonsense"))
    with running(parts), pytest.raises(SettingsError, match="POINTSMAN_BYOK_DATABASE_URL"):
        parts.byok_entry()


def test_what_lasts_is_made_once() -> None:
    parts = container(enrolled_keys=InMemoryEnrolledKeys())
    for seam in ("enrolled_keys", "enrolled_states", "enrolment", "byok_entry"):
        assert getattr(parts, seam)() is getattr(parts, seam)(), seam


def test_the_settings_decide_what_becomes_of_headers_that_cant_be_used() -> None:
    settings = Settings(byok_bad_headers="drop", user_endpoints=True)
    entry = container(settings=settings).byok_entry()
    assert entry.scope_of("ada", {"X-BYOK-Acme": "", "X-BYOK-Nobody": KEY}) == RequestScope("ada")
    url, model, key = (f"X-BYOK-Endpoint-{part}" for part in ("URL", "Model", "Key"))
    named = entry.scope_of("ada", {url: "https://llm.example/v1", model: "m", key: KEY})
    assert named.endpoint is not None
