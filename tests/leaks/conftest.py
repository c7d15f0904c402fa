"""What the tests for leaks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.leaks.scenes import HEADERS, Scene, scene
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.errors import Payer
    from app.testing.leaks.kit import LeakKit
    from tests.servers.running import RunningServer

__all__ = ["server"]


@pytest.fixture(params=HEADERS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["user", "platform"])
def payer(request: pytest.FixtureRequest) -> Payer:
    given: Payer = request.param
    return given


@pytest.fixture
def watched(leak_kit: LeakKit, server: RunningServer, protocol: str, payer: Payer) -> Iterator[Scene]:
    with scene(leak_kit, server, protocol, payer) as one:
        yield one
