"""Where a request may be when it is given up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.llm.clients.peers import CHUNKED, HEAD, chunk, never_answers, never_reads, says
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clients.transport import Transport

HUGE, SMALL = b"x" * 30_000_000, b"{}"
HALF = says([HEAD + CHUNKED, chunk(b"data: word\n\n")])
PHASES = pytest.mark.parametrize(
    ("scheme", "manner", "body"),
    [
        ("https", never_answers, SMALL),
        ("http", never_reads, HUGE),
        ("http", never_answers, SMALL),
        ("http", HALF, SMALL),
    ],
    ids=["handshake", "request", "head", "body"],
)


def until(condition: Callable[[], object]) -> None:
    """Wait until something holds."""
    latest = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.001)


def nothing_is_under_way(transport: Transport) -> None:
    """No ticket is in force, and no thread's request is on its way."""
    assert repr(transport) == "Transport(open, calls under way: 0)"
    assert transport.blocking_line().usage.under_way == 0
