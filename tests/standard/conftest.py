"""The servers behind LangChain's suites, one of each for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.running import running
from tests.standard.downloads import downloads as downloads_on_loopback
from tests.standard.providers import answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.running import RunningServer


@pytest.fixture(scope="session")
def providers() -> Iterator[RunningServer]:
    with running(answered) as server:
        yield server


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with downloads_on_loopback(tmp_path_factory.mktemp("downloads")) as environment:
        yield environment


@pytest.fixture(scope="session")
def vcr_config() -> dict[str, Any]:
    """Record nothing: the server is at hand, and answers the test that would else need a recording."""
    return {"ignore_localhost": True, "record_mode": "none"}
