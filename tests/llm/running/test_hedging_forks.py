"""Workers that are forked in the middle of races."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from app.llm.clock import SystemClock
from app.llm.running.hedging_shares import Shares
from app.llm.running.latencies import Kind, Latencies
from tests.llm.forks.holding import SlowName, held
from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.llm.forks.holding import FirstWaits, Part


def test_a_forked_child_races_on_a_loop_of_its_own_and_its_parent_goes_on(project_root: Path) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-W", "error", "-m", "tests.llm.running.hedging_forking"]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 3
    )
    assert (done.returncode, done.stderr) == (0, "")


def latencies(work: FirstWaits) -> Part:
    part, kind = (
        Latencies(SystemClock()),
        Kind(SlowName("chat", work), "one", "m", "platform", streaming=False),
    )
    return part, lambda: part.usual(kind)


def shares(work: FirstWaits) -> Part:
    part, name = Shares(), SlowName("chat", work)

    def called() -> bool:
        part.called(name, 0.5)
        return True

    return part, called


@pytest.mark.parametrize("make", [latencies, shares])
def test_a_renewed_part_waits_for_nobody_who_was_inside(make: Callable[[FirstWaits], Part]) -> None:
    (part, use), work = held(make)
    part.renew()
    with ThreadPoolExecutor(1) as threads:
        try:
            assert threads.submit(use).result(PATIENCE_S)
        finally:
            work.gate.set()
