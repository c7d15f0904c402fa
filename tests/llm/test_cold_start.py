"""A process that serves from many threads at once before it has imported anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.llm.cold_start import THREADS, TIMES
from tests.llm.crowd import PROTOCOLS
from tests.servers.fixtures import server
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.running import RunningServer

__all__ = ["server"]
PATIENCE_S = 120.0


def test_R14_thirty_threads_with_two_loops_each_are_all_answered_while_the_sdks_are_being_imported(
    server: RunningServer, project_root: Path
) -> None:
    command = [sys.executable, "-m", "tests.llm.cold_start", server.origin]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )

    calls = 1 + THREADS * 2 * TIMES * len(PROTOCOLS)
    assert done.stdout.splitlines() == [TEXT] * calls, done.stderr
    assert (done.returncode, len(server.received)) == (0, calls)
