"""Endpoints that are started on first use: once, shared, stopped with the container."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import ResourceClosed
from app.llm.providers.launching import Launchers

STARTED: list[str] = []
HERE = "tests.llm.providers.test_launching"


class Endpoint:
    """A launcher that notes what is done with it."""

    def start(self) -> str:
        STARTED.append("start")
        return f"http://127.0.0.1:{len(STARTED)}/v1"

    def close(self) -> None:
        STARTED.append("close")


class Broken:
    """A launcher that can't start."""

    def start(self) -> str:
        raise OSError("no port")

    def close(self) -> None:
        raise AssertionError("it never started")


@pytest.fixture(autouse=True)
def _nothing_started() -> None:
    STARTED.clear()


def test_many_threads_start_an_endpoint_once_and_share_it() -> None:
    launchers = Launchers()
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(launchers.url, [f"{HERE}:Endpoint"] * 64))

    assert urls == {"http://127.0.0.1:1/v1"}
    assert STARTED == ["start"]


def test_closing_stops_what_was_started_and_refuses_more() -> None:
    launchers = Launchers()
    launchers.url(f"{HERE}:Endpoint")
    launchers.close()
    launchers.close()

    assert STARTED == ["start", "close"]
    with pytest.raises(ResourceClosed):
        launchers.url(f"{HERE}:Endpoint")


def test_a_failed_start_is_tried_again_by_the_next_caller() -> None:
    launchers = Launchers()
    for _ in range(2):
        with pytest.raises(OSError, match="no port"):
            launchers.url(f"{HERE}:Broken")
    launchers.close()
