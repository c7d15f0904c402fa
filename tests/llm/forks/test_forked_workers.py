"""Workers that are forked: no lock of their parent's threads holds them up."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.llm.forks.holding import held
from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.llm.forks.while_held import PARTS
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.llm.forks.holding import FirstWaits, Part


def test_R14_a_forked_child_waits_for_no_thread_of_its_parent(project_root: Path) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-m", "tests.llm.forks.while_held"]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 3
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("make", PARTS)
def test_a_renewed_part_waits_for_nobody_who_was_inside(make: Callable[[FirstWaits], Part]) -> None:
    (part, use), work = held(make)
    part.renew()
    with ThreadPoolExecutor(1) as threads:
        try:
            assert threads.submit(use).result(PATIENCE_S)
        finally:
            work.gate.set()
