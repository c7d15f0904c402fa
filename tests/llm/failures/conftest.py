"""What the tests of failed calls share: one server and one service for a whole file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app.llm.attempts import LONGEST_PAUSE_S
from tests.llm.failures.calling import service_at
from tests.servers.models import any_model
from tests.servers.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm import LLMService
    from tests.servers.running import RunningServer


@pytest.fixture(scope="module")
def provider() -> Iterator[RunningServer]:
    with running(any_model) as server:
        yield server


@pytest.fixture(scope="module")
def service(provider: RunningServer) -> Iterator[LLMService]:
    with service_at(provider) as given:
        yield given


@pytest.fixture(scope="module")
def patient(provider: RunningServer) -> Iterator[LLMService]:
    """A service that asks a second time."""
    with service_at(provider, attempts=2) as given:
        yield given


@pytest.fixture(scope="module")
def impatient(provider: RunningServer) -> Iterator[LLMService]:
    """A service that would ask again if it had the time."""
    with service_at(provider, attempts=2, deadline_s=LONGEST_PAUSE_S / 2) as given:
        yield given


@pytest.fixture
def moment_in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
