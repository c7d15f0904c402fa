"""R16: an observer runs in a thread of its own; whatever it does, nobody waits for it and nothing breaks."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from queue import Queue
from typing import TYPE_CHECKING

from app.llm.byok.health.memory import InMemoryKeyHealth
from app.llm.telling import Teller
from tests.llm.byok.health.observing import PATIENCE_S, REFUSED, key

if TYPE_CHECKING:
    import pytest

FORK = """
import os, sys
from app.llm.telling import Teller

told = []
teller = Teller(told.append)
teller.tell("by the parent")
lock = teller._lock
lock.acquire()  # as another thread may hold it at the moment of the fork
child = os.fork()
if child == 0:
    teller.tell("by the child")
    teller.close()
    os._exit(0 if told[-1] == "by the child" else 1)
lock.release()
_, status = os.waitpid(child, 0)
teller.tell("by the parent again")
teller.close()
assert told == ["by the parent", "by the parent again"], told
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Hanging:
    """An observer that hangs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.told: list[str] = []

    def __call__(self, event: str) -> None:
        self.begun.set()
        self.go_on.wait(PATIENCE_S)
        self.told.append(event)


def test_R16_an_observer_that_raises_is_logged_and_told_of_the_next_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: Queue[str] = Queue()

    def observe(event: str) -> None:
        told.put(event)
        raise ValueError("sk-never-shown")

    teller = Teller(observe)
    with caplog.at_level(logging.WARNING, logger="pointsman"):
        teller.tell("first")
        teller.tell("second")
        teller.close()

    assert told.qsize() == 2
    assert "event=observer_failed error=ValueError" in caplog.text
    assert "sk-never-shown" not in caplog.text


def test_R16_an_observer_that_hangs_costs_events_and_no_time(caplog: pytest.LogCaptureFixture) -> None:
    hanging = Hanging()
    teller = Teller(hanging, most_waiting=2)
    teller.tell("taken")
    assert hanging.begun.wait(PATIENCE_S)

    with caplog.at_level(logging.WARNING, logger="pointsman"):
        for number in range(12):
            teller.tell(str(number))

    assert teller.dropped == 10
    assert caplog.text.count("observer_too_slow") == 4, "at 1, 2, 4 and 8"
    hanging.go_on.set()
    teller.close()
    assert hanging.told == ["taken", "0", "1"]


def test_R16_closing_does_not_wait_for_an_observer_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    hanging = Hanging()
    teller = Teller(hanging, most_waiting=1)
    teller.tell("taken")
    assert hanging.begun.wait(PATIENCE_S)
    teller.tell("waiting")

    with caplog.at_level(logging.WARNING, logger="pointsman"):
        teller.close(patience_s=0.01)

    assert "event=observer_hangs untold=1" in caplog.text
    hanging.go_on.set()


def test_what_waits_is_told_before_closing_ends() -> None:
    told: list[int] = []
    teller = Teller(told.append)
    for number in range(100):
        teller.tell(number)
    teller.close()
    teller.tell(-1)
    teller.close()

    assert told == list(range(100))


def test_no_thread_runs_before_there_is_something_to_tell() -> None:
    before = threading.active_count()
    health = InMemoryKeyHealth(lambda event: None)
    health.succeeded("ada", "acme", key())

    assert threading.active_count() == before
    health.close()


def test_an_observer_may_close_what_tells_it() -> None:
    closed = threading.Event()

    def observe(event: object) -> None:
        health.close()
        closed.set()

    health = InMemoryKeyHealth(observe)
    health.failed("ada", "acme", key(), REFUSED)

    assert closed.wait(PATIENCE_S)


def test_a_forked_child_tells_for_itself_and_its_parent_goes_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr


def test_threads_at_once_lose_no_user_and_tell_each_change_once() -> None:
    events: list[object] = []
    health = InMemoryKeyHealth(events.append)
    start = threading.Barrier(8)

    def call() -> None:
        start.wait(PATIENCE_S)
        for number in range(200):
            health.failed(f"user-{number}", "acme", key(), REFUSED)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    health.close()

    assert len(health) == len(events) == 200
