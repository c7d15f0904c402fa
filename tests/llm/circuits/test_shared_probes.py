"""Half-open circuits that workers share: one of them is the probe."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from app.llm.circuits.breaker import Rule
from app.llm.circuits.exchanging import Report
from tests.llm.circuits.workers import (
    BY_HAND,
    KEY,
    ROW,
    Slow,
    all_hear,
    eventually,
    exchange_at,
    fails,
    is_shared,
    states,
    worker,
    workers_at,
)
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.llm.circuits.redis import SharedCircuits
    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]


def half_open_for(seconds: float, url: str) -> None:
    """Tell the server of a circuit that was open until so many seconds ago."""
    exchange_at(url).exchange([Report(KEY, Rule.of(ROW), opened=(60.0 + seconds, -seconds))])


@pytest.fixture
def workers(valkey: RunningValkey) -> Iterator[list[SharedCircuits]]:
    """Four workers that know of a circuit that is half-open since a moment ago."""
    with workers_at(valkey.url, 4) as all_of_them:
        half_open_for(0.001, valkey.url)
        all_hear(all_of_them)
        assert states(all_of_them) == ["half_open"] * 4
        yield all_of_them


def given_the_probe(workers: Sequence[SharedCircuits]) -> SharedCircuits:
    """Return the one worker that is given the probe, when all of them have calls."""
    given: list[SharedCircuits] = []

    def called() -> bool:
        for one in workers:
            assert one.beat()
            passage = one.admit(KEY)
            assert passage.allowed == passage.probe
            assert one.beat()
            given.extend([one] if passage.probe else [])
        return bool(given)

    eventually(called)
    for _ in range(3):
        called()
    assert len(given) == 1
    return given[0]


def test_a_probe_that_fails_opens_the_circuit_of_every_worker(workers: list[SharedCircuits]) -> None:
    fails(given_the_probe(workers))
    all_hear(workers)
    assert states(workers) == ["open"] * 4


def test_a_probe_that_succeeds_closes_the_circuit_of_every_worker(workers: list[SharedCircuits]) -> None:
    given_the_probe(workers).succeeded(KEY)
    all_hear(workers)
    assert states(workers) == ["closed"] * 4
    assert all(one.admit(KEY).allowed for one in workers)


def test_after_a_probe_without_a_verdict_one_worker_is_given_the_next(workers: list[SharedCircuits]) -> None:
    first = given_the_probe(workers)
    first.released(KEY)
    all_hear(workers)
    given_the_probe([one for one in workers if one is not first])


def test_a_permission_that_isnt_used_passes_to_another_worker(workers: list[SharedCircuits]) -> None:
    first, second, *_ = workers
    assert not first.admit(KEY).allowed, "it has to ask for permission first"
    all_hear([first])
    all_hear([second])
    refused = second.admit(KEY)
    assert not refused.allowed
    eventually(lambda: second.beat() and second.admit(KEY).probe)
    all_hear([second, first])
    assert not first.admit(KEY).allowed


def test_where_calls_are_rare_the_first_one_is_the_probe_and_needs_no_permission(
    valkey: RunningValkey,
) -> None:
    with workers_at(valkey.url) as (ada, eve):
        half_open_for(30.0, valkey.url)
        all_hear([ada, eve])
        assert ada.admit(KEY).probe
        all_hear([ada, eve])
        assert not eve.admit(KEY).allowed


def test_a_probe_that_succeeds_during_an_exchange_closes_the_circuit_for_good(valkey: RunningValkey) -> None:
    slow = Slow(exchange_at(valkey.url))
    half_open_for(30.0, valkey.url)
    with worker(slow, turn_s=BY_HAND) as ada, workers_at(valkey.url, 1) as (eve,):
        eventually(partial(is_shared, ada))
        assert ada.admit(KEY).probe
        slow.meanwhile = lambda: ada.succeeded(KEY)
        assert ada.beat()
        assert states([ada]) == ["closed"], "what the server said is older"
        all_hear([ada, eve])
        assert states([ada, eve]) == ["closed", "closed"]


def test_a_failure_during_an_exchange_is_told_in_the_next_one(valkey: RunningValkey) -> None:
    slow = Slow(exchange_at(valkey.url))
    with worker(slow, turn_s=BY_HAND) as ada, workers_at(valkey.url, 1) as (eve,):
        eventually(partial(is_shared, ada))
        slow.meanwhile = lambda: fails(ada)
        assert ada.beat()
        all_hear([ada, eve])
        assert eve.state(KEY).failures == 1


def test_a_half_open_circuit_that_the_server_lost_stays_half_open_here(valkey: RunningValkey) -> None:
    half_open_for(30.0, valkey.url)
    with workers_at(valkey.url) as (ada, eve):
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        exchange_at(valkey.url).exchange([Report(KEY, Rule.of(ROW), failures=(1.0,))])
        all_hear([ada, eve])
        assert states([ada, eve]) == ["half_open", "half_open"]


def test_a_worker_that_has_heard_of_nothing_takes_over_a_half_open_circuit(valkey: RunningValkey) -> None:
    half_open_for(0.0, valkey.url)
    with workers_at(valkey.url, 1) as (ada,):
        assert states([ada]) == ["half_open"]
