"""The way to the server, with windows behind a gate in its place."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.llm.rates.courier import MOST_AT_ONCE, MOST_WAITING, Courier
from app.llm.rates.reading import LimitStrings
from app.llm.rates.together import Take
from tests.llm.rates.crowd import eventually
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.llm.rates.answers import Answer

PROBE = "probe"


class Gated:
    """Windows that answer each take with its name, once their gate is open, or fail as they are told."""

    def __init__(self) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.trips: list[list[str]] = []
        self.closed = 0

    def together(self, takes: Sequence[Take]) -> list[float]:
        self.trips.append([take.name for take in takes])
        self.begun.set()
        assert self.gate.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        return [0.0 if take.name == PROBE else float(take.name) for take in takes]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def windows() -> Iterator[Gated]:
    gated = Gated()
    yield gated
    gated.gate.set()


@pytest.fixture
def courier(windows: Gated) -> Iterator[Courier]:
    with closing(Courier(lambda: windows, take(PROBE))) as one:
        yield one
        windows.gate.set()


def take(name: object) -> Take:
    return Take(str(name), LimitStrings()(("1/hour",)))


def sent(courier: Courier, name: object) -> Future[float | None]:
    answer: Future[float | None] = Future()
    assert courier.send(take(name), answer)
    return answer


def under_way(courier: Courier, windows: Gated) -> Future[float | None]:
    """Return what answers a take that the thread is carrying, so that later ones wait."""
    first = sent(courier, 0)
    assert windows.begun.wait(PATIENCE_S)
    return first


def test_takes_that_wait_go_together_in_their_order(courier: Courier, windows: Gated) -> None:
    answers = [under_way(courier, windows), *(sent(courier, number) for number in range(1, 4))]
    windows.gate.set()
    assert [answer.result(PATIENCE_S) for answer in answers] == [0.0, 1.0, 2.0, 3.0]
    assert windows.trips == [["0"], ["1", "2", "3"]]


def test_so_many_go_in_one_round_trip_and_no_more_wait_than_so_many(courier: Courier, windows: Gated) -> None:
    answers = [under_way(courier, windows), *(sent(courier, number) for number in range(MOST_WAITING))]
    assert not courier.send(take("1"), Future())
    windows.gate.set()
    assert [answer.result(PATIENCE_S) for answer in answers[1:]] == [float(n) for n in range(MOST_WAITING)]
    assert {len(trip) for trip in windows.trips[1:]} == {MOST_AT_ONCE}


def test_a_take_that_was_given_up_before_it_left_is_not_carried(courier: Courier, windows: Gated) -> None:
    first, second, third = under_way(courier, windows), sent(courier, 1), sent(courier, 2)
    assert second.cancel()
    assert not first.cancel(), "it is under way"
    windows.gate.set()
    assert [first.result(PATIENCE_S), third.result(PATIENCE_S)] == [0.0, 2.0]
    assert windows.trips == [["0"], ["2"]]


def test_when_all_who_waited_have_given_up_nothing_is_carried(courier: Courier, windows: Gated) -> None:
    first, second = under_way(courier, windows), sent(courier, 1)
    assert second.cancel()
    windows.gate.set()
    assert first.result(PATIENCE_S) == 0.0
    assert sent(courier, 2).result(PATIENCE_S) == 2.0
    assert [trip for trip in windows.trips if trip != ["0"]] == [["2"]]


async def test_tasks_that_wait_are_answered_and_one_that_was_cancelled_is_left_out(
    courier: Courier, windows: Gated
) -> None:
    loop = asyncio.get_running_loop()
    first = under_way(courier, windows)
    answers: list[asyncio.Future[float | None]] = [loop.create_future() for _ in range(3)]
    for number, answer in enumerate(answers):
        assert courier.send(take(number), answer)
    answers[1].cancel()
    windows.gate.set()
    both = asyncio.gather(answers[0], answers[2])
    assert tuple(await asyncio.wait_for(both, PATIENCE_S)) == (0.0, 2.0)
    assert first.result(PATIENCE_S) == 0.0
    assert windows.trips == [["0"], ["0", "2"]]


async def test_a_task_that_gives_up_while_its_take_is_under_way_disturbs_nobody(
    courier: Courier, windows: Gated
) -> None:
    answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
    assert courier.send(take(7), answer)
    await asyncio.to_thread(windows.begun.wait, PATIENCE_S)
    answer.cancel()
    windows.gate.set()
    assert await asyncio.wait_for(asyncio.wrap_future(sent(courier, 1)), PATIENCE_S) == 1.0


def test_an_answer_to_a_loop_that_was_closed_disturbs_nobody(courier: Courier, windows: Gated) -> None:
    loop = asyncio.new_event_loop()
    answer: Answer = loop.create_future()
    assert courier.send(take(7), answer)
    assert windows.begun.wait(PATIENCE_S)
    loop.close()
    windows.gate.set()
    assert sent(courier, 1).result(PATIENCE_S) == 1.0


def test_when_the_server_fails_all_who_wait_are_answered_at_once_and_nobody_waits_during_the_pause(
    courier: Courier, windows: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [under_way(courier, windows), *(sent(courier, number) for number in range(3))]
    windows.error = ConnectionError("redis://:canary@host")
    windows.gate.set()
    assert [answer.result(PATIENCE_S) for answer in answers] == [None] * 4
    assert not courier.carries
    assert not courier.send(take("1"), Future())
    eventually(lambda: len(caplog.records) == 1)
    assert caplog.messages == ["event=rates_not_shared why=ConnectionError"], "and not the error's text"
    assert caplog.records[0].levelno == logging.WARNING


def test_the_thread_tries_again_by_itself_until_the_server_works(
    courier: Courier, windows: Gated, caplog: pytest.LogCaptureFixture
) -> None:
    windows.error = ConnectionError()
    windows.gate.set()
    assert sent(courier, 1).result(PATIENCE_S) is None
    eventually(lambda: windows.trips.count([PROBE]) == 1)
    assert not courier.carries
    windows.error = None
    eventually(lambda: courier.carries)
    assert windows.trips == [["1"], [PROBE], [PROBE]]
    assert sent(courier, 2).result(PATIENCE_S) == 2.0
    assert caplog.messages == ["event=rates_not_shared why=ConnectionError", "event=rates_shared_again"]


def test_whoever_finds_the_server_too_slow_frees_all_who_wait(courier: Courier, windows: Gated) -> None:
    first, second = under_way(courier, windows), sent(courier, 1)
    courier.doubt(time.monotonic())
    courier.doubt(time.monotonic())
    assert second.result(PATIENCE_S) is None
    assert not courier.send(take("2"), Future())
    windows.gate.set()
    assert first.result(PATIENCE_S) == 0.0, "late, and the caller has gone on"
    assert windows.trips[0] == ["0"]


def test_a_server_that_has_just_answered_somebody_is_not_too_slow(courier: Courier, windows: Gated) -> None:
    since = time.monotonic()
    windows.gate.set()
    assert sent(courier, 1).result(PATIENCE_S) == 1.0
    courier.doubt(since)
    assert courier.carries


def test_closing_answers_all_who_wait_ends_the_thread_and_closes_the_connection(
    courier: Courier, windows: Gated
) -> None:
    first, second = under_way(courier, windows), sent(courier, 1)
    with ThreadPoolExecutor(1) as threads:
        closed = threads.submit(courier.close)
        assert second.result(PATIENCE_S) is None
        windows.gate.set()
        closed.result(PATIENCE_S)
    assert first.result(PATIENCE_S) == 0.0
    eventually(lambda: windows.closed == 1)
    assert not courier.send(take("2"), Future())
    courier.doubt(time.monotonic())
    courier.close()
    assert windows.closed == 1


def test_one_that_carried_nothing_closes_without_a_thread(courier: Courier, windows: Gated) -> None:
    courier.close()
    assert (windows.closed, windows.trips) == (0, [])


def test_windows_that_cant_be_opened_are_a_server_that_fails() -> None:
    def fails() -> Gated:
        raise OSError("no more files")

    with closing(Courier(fails, take(PROBE))) as courier:
        assert sent(courier, 1).result(PATIENCE_S) is None
        assert not courier.carries


def test_where_no_more_threads_can_be_had_nothing_is_carried_and_nothing_raised(courier: Courier) -> None:
    normal = threading.stack_size()
    try:
        threading.stack_size(2**46)
        assert not courier.send(take("1"), Future())
    finally:
        threading.stack_size(normal)
    assert courier.carries
