"""Circuits of processes that were spawned, and of one that was forked."""

from __future__ import annotations

import subprocess
import sys
from multiprocessing import get_context
from typing import TYPE_CHECKING

from app.llm.circuits.pulse import Pulse
from tests.llm.circuits.two_processes import open_and_see
from tests.llm.circuits.workers import (
    KEY,
    ROW,
    Gated,
    all_hear,
    exchange_at,
    fails,
    states,
    worker,
    workers_at,
)
from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.servers.running import PATIENCE_S
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]


def test_two_processes_see_each_others_open_circuit(valkey: RunningValkey) -> None:
    spawn = get_context("spawn")
    together = spawn.Barrier(2)
    both = [
        spawn.Process(target=open_and_see, args=(valkey.url, mine, theirs, together))
        for mine, theirs in (("a", "b"), ("b", "a"))
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(3 * PATIENCE_S)
    assert [one.exitcode for one in both] == [0, 0]


def test_R14_a_forked_child_is_a_worker_of_its_own(valkey: RunningValkey, project_root: Path) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-m", "tests.llm.circuits.forking", valkey.url]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 3
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_R14_what_was_renewed_is_another_worker_with_a_connection_of_its_own(valkey: RunningValkey) -> None:
    exchange = exchange_at(valkey.url)
    with worker(exchange) as circuits, workers_at(valkey.url, 1) as (eve,):
        exchange.renew()
        circuits.renew()
        fails(circuits, ROW.failures)
        all_hear([circuits, eve])
        assert states([circuits, eve]) == ["open", "open"]


def test_a_pulse_that_was_stopped_doesnt_start_again() -> None:
    exchange = Gated()
    exchange.gate.set()
    pulse = Pulse(lambda: not exchange.exchange([]), turn_s=3600.0)
    assert pulse.stop()
    pulse.start()
    pulse.renew()
    assert not pulse.idle
    assert exchange.threads == []


def test_looking_at_a_circuit_is_a_use_too(valkey: RunningValkey) -> None:
    with workers_at(valkey.url, 1) as (ada,):
        fails(ada, ROW.failures)
        all_hear([ada])
        with workers_at(valkey.url, 1) as (eve,):
            assert eve.state(KEY).state == "open"
