"""A server that is killed, frozen, restarted, or another one than was thought: no call notices."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from app.llm.circuits.memory import MOST_CIRCUITS
from app.llm.circuits.port import CircuitKey
from tests.llm.circuits.workers import (
    BY_HAND,
    KEY,
    ROW,
    Gated,
    all_hear,
    eventually,
    exchange_at,
    fails,
    states,
    worker,
    workers_at,
)
from tests.servers.running import PATIENCE_S
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from app.llm.circuits.redis import SharedCircuits
    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]

THREADS = 8
CALLS = 3000


def calls(circuits: SharedCircuits, number: int) -> int:
    """Make calls of every kind, and return how many there were."""
    key = KEY._replace(model=f"m{number % 3}")
    endings = (circuits.succeeded, circuits.released, partial(circuits.failed, row=ROW))
    for step in range(CALLS):
        if circuits.admit(key).allowed:
            endings[step % 3](key)
        circuits.state(key)
    return CALLS


@pytest.mark.parametrize("blow", ["kill", "freeze", "restart"])
def test_what_becomes_of_the_server_under_load_stops_no_call(valkey: RunningValkey, blow: str) -> None:
    with worker(exchange_at(valkey.url), turn_s=0.01) as circuits, ThreadPoolExecutor(THREADS) as threads:
        eventually(lambda: circuits.state(KEY).where == "shared")
        under_way = [threads.submit(calls, circuits, number) for number in range(THREADS)]
        getattr(valkey, blow)()
        under_way += [threads.submit(calls, circuits, number) for number in range(THREADS)]
        assert [one.result(PATIENCE_S) for one in under_way] == [CALLS] * 2 * THREADS
        eventually(lambda: circuits.state(KEY).where == ("shared" if blow == "restart" else "local"))


@pytest.mark.parametrize(("blow", "mend"), [("kill", "restart"), ("freeze", "thaw")])
def test_a_server_that_is_back_is_told_what_it_missed(valkey: RunningValkey, blow: str, mend: str) -> None:
    with workers_at(valkey.url) as (ada, eve):
        getattr(valkey, blow)()
        fails(ada, ROW.failures)
        fails(eve, 1, key=KEY._replace(model="n"))
        assert not ada.beat()
        assert not eve.beat()
        assert [one.state(KEY).where for one in (ada, eve)] == ["local", "local"]
        assert states([ada, eve]) == ["open", "closed"]

        getattr(valkey, mend)()
        eventually(lambda: ada.beat() and eve.beat())
        all_hear([ada, eve])
        assert states([ada, eve]) == ["open", "open"]
        assert ada.state(KEY._replace(model="n")).failures == 1
        assert [one.state(KEY).where for one in (ada, eve)] == ["shared", "shared"]


def test_an_empty_server_is_told_what_it_knew_before_by_any_worker(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada, ROW.failures)
        fails(ada, 1, key=KEY._replace(model="n"))
        all_hear([ada, eve])
        ada.close()
        valkey.restart()
        eventually(eve.beat)
        all_hear([eve])
        with workers_at(valkey.url, 1) as (bob,):
            assert states([bob]) == ["open"]
            assert bob.state(KEY._replace(model="n")).state == "closed"


def test_an_opening_that_an_empty_server_missed_is_told_although_others_told_of_the_circuit(
    valkey: RunningValkey,
) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada, ROW.failures)
        all_hear([ada])
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        fails(eve)
        all_hear([eve, ada, eve])
        assert states([ada, eve]) == ["open", "open"]


def test_without_the_server_each_worker_probes_for_itself(valkey: RunningValkey) -> None:
    brief = ROW.model_copy(update={"open_s": 0.05})
    with workers_at(valkey.url) as (ada, eve):
        for one in (ada, eve):
            fails(one, brief.failures, brief)
        valkey.kill()
        assert not ada.beat()
        assert not eve.beat()
        eventually(lambda: ada.admit(KEY).probe)
        eventually(lambda: eve.admit(KEY).probe)


def test_a_server_that_holds_something_else_under_the_name_is_as_good_as_none(
    valkey: RunningValkey, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(valkey.url) as client, workers_at(valkey.url, 1) as (ada,):
        client.set("pointsman:circuits", "mine")
        with caplog.at_level(logging.INFO, "pointsman"):
            assert [ada.beat(), ada.beat()] == [False, False]
            client.delete("pointsman:circuits")
            assert ada.beat()
        assert [record.getMessage() for record in caplog.records] == [
            "event=circuits_not_shared error=ResponseError",
            "event=circuits_shared_again",
        ]


def test_only_the_background_thread_ever_waits_for_the_server() -> None:
    exchange = Gated()
    with worker(exchange) as circuits, ThreadPoolExecutor(THREADS) as threads:
        circuits.admit(KEY)
        assert exchange.begun.wait(PATIENCE_S)
        under_way = [threads.submit(calls, circuits, number) for number in range(THREADS)]
        assert [one.result(PATIENCE_S) for one in under_way] == [CALLS] * THREADS
        assert circuits.state(KEY).where == "local"
        exchange.gate.set()
    assert set(exchange.threads) == {"pointsman-circuits"}
    assert exchange.closed == 1


def test_news_beyond_what_can_be_kept_is_dropped_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    exchange = Gated()
    with worker(exchange, turn_s=BY_HAND) as circuits, caplog.at_level(logging.WARNING, "pointsman"):
        circuits.admit(KEY)
        assert exchange.begun.wait(PATIENCE_S)
        for number in range(MOST_CIRCUITS + 3):
            circuits.failed(CircuitKey("acme", f"m{number}", "user"), ROW)
        exchange.gate.set()
        eventually(lambda: caplog.records)
        assert caplog.records[0].getMessage() == "event=circuit_news_dropped dropped=3"


def test_a_closed_worker_goes_on_alone_and_closing_it_again_is_no_error(valkey: RunningValkey) -> None:
    with workers_at(valkey.url, 1) as (ada,):
        ada.close()
        ada.close()
        fails(ada, ROW.failures)
        assert not ada.admit(KEY).allowed
        assert ada.state(KEY).where == "local"
    assert "pointsman-circuits" not in {thread.name for thread in threading.enumerate()}


def test_closing_doesnt_wait_for_a_server_that_hangs() -> None:
    exchange = Gated()
    with worker(exchange) as circuits:
        circuits.admit(KEY)
        assert exchange.begun.wait(PATIENCE_S)
        circuits.close()
        assert exchange.closed == 0, "the thread still uses it"
        exchange.gate.set()
