"""Stores of enrolled keys in files, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.store import InMemoryEnrolledKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.llm.byok.enrolment.store import EnrolledKeys


def url_of(path: Path) -> SecretStr:
    return SecretStr(f"sqlite:///{path}")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A migrated SQLite file."""
    path = tmp_path / "keys.db"
    store = SqlEnrolledKeys(url_of(path))
    store.migrate()
    store.close()
    return path


@pytest.fixture
def sql_store(database: Path) -> Iterator[SqlEnrolledKeys]:
    store = SqlEnrolledKeys(url_of(database))
    yield store
    store.close()


@pytest.fixture(params=["in memory", "sql"])
def store(request: pytest.FixtureRequest) -> EnrolledKeys:
    """Each implementation of the port, one after the other."""
    if request.param == "in memory":
        return InMemoryEnrolledKeys()
    found: SqlEnrolledKeys = request.getfixturevalue("sql_store")
    return found
