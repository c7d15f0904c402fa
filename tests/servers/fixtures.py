"""Fixtures: a transport that is closed afterwards, and a server that speaks all three protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.llm.clients.transport import Transport
from tests.servers.models import any_model
from tests.servers.running import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.running import RunningServer


@pytest.fixture
def transport() -> Iterator[Transport]:
    shared = Transport()
    yield shared
    shared.close()


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(any_model) as one:
        yield one
