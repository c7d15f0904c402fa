"""A forked child opens connections of its own, and leaves its parent's alone."""

from __future__ import annotations

import ssl
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.servers.certificates import self_signed
from tests.servers.models import any_model, events_for, held_back
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

OPENAI = OpenAICompatibleAdapter()


@contextmanager
def forking(
    scenarios: list[str], adapter: ProtocolAdapter, server: RunningServer, root: Path
) -> Iterator[subprocess.Popen[str]]:
    """Run scenarios in a fresh process; once the block has ended, it has to end well and silently."""
    command = [
        sys.executable,
        *FORKS_WITH_THREADS,
        "-m",
        "tests.llm.clients.forking",
        adapter.name,
        server.origin,
        *scenarios,
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
            _, errors = process.communicate(timeout=PATIENCE_S * 4)
        finally:
            process.kill()
    assert not errors
    assert process.returncode == 0


def askers_by_connection(server: RunningServer) -> dict[int, set[str]]:
    """Who sent requests over each connection: the parent or a child."""
    askers: dict[int, set[str]] = {}
    for one in server.received:
        askers.setdefault(one.connection, set()).add("child" if "sk-child" in str(one.headers) else "parent")
    return askers


def shares_nothing(server: RunningServer, parents: int) -> None:
    """No connection carried requests of both, and the parent needed so many: children cost it none."""
    askers = list(askers_by_connection(server).values())
    assert askers.count({"parent"}) == parents
    assert askers.count({"child"}) == len(askers) - parents


def test_R7_a_forked_child_shares_no_connection_with_its_parent_in_threads_loops_and_streams(
    adapter: ProtocolAdapter, project_root: Path
) -> None:
    gate = Gate()

    def answers(received: Received) -> Answer:
        return held_back(received, gate) if events_for(received) else any_model(received)

    scenarios = ["both", "in_a_loop", "in_the_middle_of_a_stream"]
    with running(answers) as server:
        with forking(scenarios, adapter, server, project_root) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go on\n"
            gate.open()
        shares_nothing(server, parents=2)


def test_R7_a_forked_child_shares_no_tls_with_its_parent(
    project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, context = tmp_path / "server.pem", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem.write_bytes(self_signed("127.0.0.1"))
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with running(any_model, context) as server:
        with forking(["both", "in_a_loop"], OPENAI, server, project_root):
            pass
        shares_nothing(server, parents=2)


def test_a_child_that_closes_its_transport_closes_nothing_of_its_parents(
    server: RunningServer, project_root: Path
) -> None:
    with forking(["closes"], OPENAI, server, project_root):
        pass
    shares_nothing(server, parents=1)


def test_a_connection_ends_when_the_parent_closes_it_although_a_child_lives_on(
    server: RunningServer, project_root: Path
) -> None:
    with forking(["outlives"], OPENAI, server, project_root):
        assert {server.next_ending(), server.next_ending()} == {1, 2}


def test_R14_children_that_are_forked_while_others_call_can_call_at_once(
    server: RunningServer, project_root: Path
) -> None:
    with forking(["in_the_middle_of_everything"], OPENAI, server, project_root):
        pass
    assert all(len(askers) == 1 for askers in askers_by_connection(server).values())
