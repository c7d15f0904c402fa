"""Circuits that workers share over a real server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from pydantic import SecretStr
from redis import Redis

from app.llm.catalog.rows import CircuitRow
from app.llm.circuits.exchanging import RedisExchange
from app.llm.circuits.port import FREE, CircuitState
from tests.llm.circuits.hand_clock import ShiftedClock
from tests.llm.circuits.workers import (
    BY_HAND,
    KEY,
    ROW,
    all_hear,
    eventually,
    fails,
    states,
    worker,
    workers_at,
)
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.llm.circuits.redis import SharedCircuits
    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]

HOUR = 3600.0


def test_failures_of_all_workers_together_open_the_circuit_of_each(valkey: RunningValkey) -> None:
    with workers_at(valkey.url, 3) as (ada, eve, bob):
        for one in (ada, eve, bob):
            assert one.admit(KEY) is FREE
            fails(one)
        all_hear([ada, eve, bob])
        assert states([ada, eve, bob]) == ["open"] * 3
        assert ada.state(KEY).where == "shared"
        assert not bob.admit(KEY).allowed


def test_a_failure_that_is_told_again_counts_once(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada)
        for _ in range(5):
            ada.released(KEY)
            all_hear([ada, eve])
        assert eve.state(KEY) == CircuitState("closed", "shared", 1)
        fails(eve)
        all_hear([ada, eve])
        assert [one.state(KEY).failures for one in (ada, eve)] == [2, 2]


def test_the_last_failure_opens_the_circuit_at_once_where_the_others_are_known(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada, 2)
        all_hear([ada, eve])
        fails(eve)
        assert not eve.admit(KEY).allowed, "before the next exchange"


def failing_again(workers: Sequence[SharedCircuits]) -> bool:
    fails(workers[0])
    all_hear(workers)
    counted = [one.state(KEY).failures for one in workers]
    assert counted in ([0, 0], [1, 1])
    return counted == [1, 1]


def test_a_success_of_one_worker_forgets_the_failures_of_all(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada, 2)
        all_hear([ada, eve])
        eve.succeeded(KEY)
        all_hear([ada, eve])
        assert ada.state(KEY) == CircuitState("closed", "shared")
        eventually(lambda: failing_again([ada, eve]))  # not in the very millisecond of the success


def test_a_circuit_that_is_open_here_is_open_everywhere_and_for_as_long(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        for _ in range(ROW.failures):
            ada.failed(KEY, ROW, 300.0)
        all_hear([ada, eve])
        here, there = ada.state(KEY).until, eve.state(KEY).until
        assert here is not None
        assert there == pytest.approx(here, abs=1.0)


def test_a_longer_wait_that_one_worker_hears_of_holds_for_all(valkey: RunningValkey) -> None:
    with workers_at(valkey.url) as (ada, eve):
        fails(ada, ROW.failures)
        all_hear([ada, eve])
        before = ada.state(KEY).until
        eve.failed(KEY, ROW, 500.0)
        all_hear([eve, ada])
        after = ada.state(KEY).until
        assert before is not None
        assert after is not None
        assert after > before + 400


def test_clocks_neednt_agree(valkey: RunningValkey) -> None:
    ahead = ShiftedClock(HOUR)
    with workers_at(valkey.url, 1) as (ada,), workers_at(valkey.url, 1, ahead) as (eve,):
        fails(ada, ROW.failures)
        all_hear([ada, eve])
        here, there = ada.state(KEY).until, eve.admit(KEY).until
        assert here is not None
        assert there == pytest.approx(here + HOUR, abs=1.0)
        ahead_too = KEY._replace(model="n")
        fails(eve, ROW.failures, key=ahead_too)
        all_hear([eve, ada])
        assert states([ada, eve], ahead_too) == ["open", "open"]


def test_what_is_kept_on_the_server_are_names_times_and_counts(valkey: RunningValkey) -> None:
    with workers_at(valkey.url, 1) as (ada,):
        fails(ada, ROW.failures)
        all_hear([ada])
    with Redis.from_url(valkey.url) as client:
        kept = cast("dict[bytes, bytes]", client.hgetall("pointsman:circuits"))
        assert 0 < cast("int", client.ttl("pointsman:circuits")) <= 24 * HOUR
    ((name, value),) = kept.items()
    assert json.loads(name) == ["acme", "m", "platform"]
    assert set(json.loads(value)) == set("nwbfaouczhl")


def test_circuits_under_another_prefix_are_others(valkey: RunningValkey) -> None:
    theirs = RedisExchange(SecretStr(valkey.url), prefix="staging")
    with workers_at(valkey.url, 1) as (ada,), worker(theirs, turn_s=BY_HAND) as eve:
        fails(ada, ROW.failures)
        all_hear([ada, eve])
        assert states([ada, eve]) == ["open", "closed"]


def test_an_idle_circuit_is_forgotten_everywhere(valkey: RunningValkey) -> None:
    moment = CircuitRow(failures=3, window_s=0.25, open_s=1.0)
    with workers_at(valkey.url) as (ada, eve), Redis.from_url(valkey.url) as client:
        fails(ada, row=moment)
        all_hear([ada, eve])
        assert client.hlen("pointsman:circuits") == 1
        eventually(lambda: eve.beat() and not client.hlen("pointsman:circuits"))
        all_hear([ada, eve])
        assert [repr(one) for one in (ada, eve)] == ["SharedCircuits(shared, 0 with failures)"] * 2
