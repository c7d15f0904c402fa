"""The embedded model in a process that forks: the parent goes on, and a child is told what to do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from app.llm.local import EmbeddedServer
from tests.llm.forks.python import FORKS_WITH_THREADS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("_weights")
def test_a_forked_child_is_told_that_the_embedded_model_is_its_parents(project_root: Path) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-m", "tests.llm.local.forking_server"]
    done = subprocess.run(command, cwd=project_root, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "forked from" in done.stdout
    assert "spawn" in done.stdout


def test_a_server_that_never_ran_leaves_nothing_to_a_parent() -> None:
    server = EmbeddedServer()
    server.renew()
    assert server.base_url is None
