"""Workers that are forked in the middle of races."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path


def test_a_forked_child_races_on_a_loop_of_its_own_and_its_parent_goes_on(project_root: Path) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-W", "error", "-m", "tests.llm.running.hedging_forking"]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 3
    )
    assert (done.returncode, done.stderr) == (0, "")
