"""What the tests of failed calls share: one server and one service for a whole file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.llm.clocks import Sleepless
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


@pytest.fixture
def clock() -> Sleepless:
    return Sleepless()


@pytest.fixture
def patient(provider: RunningServer, clock: Sleepless) -> Iterator[LLMService]:
    """A service that asks a second time, within 20 seconds."""
    with service_at(provider, clock=clock, attempts=2, deadline_s=20.0) as given:
        yield given


@pytest.fixture
def moment_in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)
