"""A server that is killed, frozen, restarted, slow, or another one than was thought: no call fails."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from app.llm.rates.redis import PATIENCE_S as A_CALLS_PATIENCE_S
from tests.llm.rates.crowd import (
    KEY,
    LONG_S,
    NEVER_FULL,
    acounted,
    counted,
    counted_in_loops,
    counted_in_threads,
    eventually,
    is_local,
    is_shared,
    shared,
)
from tests.servers.running import PATIENCE_S
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]
THREADS = 8
BLOWS = ("kill", "freeze", "restart")


@pytest.mark.parametrize("blow", BLOWS)
def test_what_becomes_of_the_server_under_load_fails_no_call(valkey: RunningValkey, blow: str) -> None:
    with closing(shared(valkey.url, A_CALLS_PATIENCE_S)) as rates, ThreadPoolExecutor(4) as threads:
        load = [threads.submit(counted_in_threads, rates, NEVER_FULL, THREADS, 500) for _ in range(1)]
        load += [threads.submit(counted_in_loops, rates, NEVER_FULL, 2, 500)]
        getattr(valkey, blow)()
        load += [threads.submit(counted_in_threads, rates, NEVER_FULL, THREADS, 500)]
        load += [threads.submit(counted_in_loops, rates, NEVER_FULL, 2, 500)]
        taken = [job.result(PATIENCE_S) for job in load]
        assert taken == [THREADS * 500, 2 * 500] * 2
        valkey.restart()
        eventually(lambda: counted(rates, NEVER_FULL, 1) and rates.where == "shared")


@pytest.mark.parametrize("blow", BLOWS)
def test_a_process_keeps_its_limits_whatever_becomes_of_the_server(valkey: RunningValkey, blow: str) -> None:
    limits = ("20/hour", "200/day")
    with closing(shared(valkey.url, 0.2)) as rates:
        assert counted(rates, limits, 12) == 12
        getattr(valkey, blow)()
        assert counted_in_threads(rates, limits, THREADS, 3) == 8
        assert asyncio.run(acounted(rates, limits, 9)) == 0


@pytest.mark.parametrize(("blow", "mend"), [("kill", "restart"), ("freeze", "thaw")])
def test_a_server_that_is_back_is_used_again_and_no_call_has_to_try_it(
    valkey: RunningValkey, blow: str, mend: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(shared(valkey.url, 0.2)) as ada, closing(shared(valkey.url, LONG_S)) as eve:
        assert counted(ada, ("9/hour",), 1) == 1
        getattr(valkey, blow)()
        assert counted(ada, ("9/hour",), 1) == 1
        assert ada.where == "local"
        getattr(valkey, mend)()
        eventually(is_shared(ada))
        assert counted(eve, NEVER_FULL, 1) == 1
        assert counted(ada, ("3/hour",), 2) + counted(eve, ("3/hour",), 2) == 3
        assert [message.partition(" ")[0] for message in caplog.messages] == [
            "event=rates_not_shared",
            "event=rates_shared_again",
        ]


def test_a_restart_between_two_takes_is_not_even_noticed(valkey: RunningValkey) -> None:
    with closing(shared(valkey.url)) as rates:
        assert counted(rates, NEVER_FULL, 1) == 1
        valkey.restart()
        assert counted(rates, NEVER_FULL, 1) == 1
        assert rates.where == "shared"


@contextmanager
def dumb_server() -> Iterator[str]:
    """A server that accepts connections and says nothing, ever."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("option", ["", "?socket_timeout=600&socket_connect_timeout=600"])
async def test_a_server_that_never_answers_is_given_up_by_threads_and_by_tasks(option: str) -> None:
    with dumb_server() as url:
        with closing(shared(url + option, A_CALLS_PATIENCE_S)) as rates:
            eventually(lambda: counted(rates, NEVER_FULL, 1) and rates.where == "local")
            assert counted_in_threads(rates, ("50/hour",), THREADS, 10) == 50
        with closing(shared(url + option, A_CALLS_PATIENCE_S)) as rates:
            while rates.where == "shared":
                assert await acounted(rates, NEVER_FULL, 10) == 10
            assert await acounted(rates, ("50/hour",), 80) == 50


def test_calls_that_wait_when_the_server_is_found_dead_all_go_on(valkey: RunningValkey) -> None:
    with closing(shared(f"{valkey.url}?socket_timeout=0.3", LONG_S)) as rates, ThreadPoolExecutor(9) as pool:
        assert counted(rates, NEVER_FULL, 1) == 1
        valkey.freeze()
        waiting = [pool.submit(rates.take, KEY, NEVER_FULL) for _ in range(THREADS)]
        waiting += [pool.submit(counted_in_loops, rates, NEVER_FULL, 1, 20)]
        assert [one.result(PATIENCE_S) for one in waiting] == [0.0] * THREADS + [20]
        assert rates.where == "local"


def test_a_server_that_wants_another_password_is_told_by_its_kind_of_error_only(
    valkey: RunningValkey, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(valkey.url) as server:
        server.config_set("requirepass", "sesame")
    with closing(shared(valkey.url.replace("//", "//:canary@"))) as rates:
        assert counted(rates, ("2/hour",), 3) == 2
        eventually(is_local(rates))
        eventually(lambda: caplog.messages)
    assert caplog.messages == ["event=rates_not_shared why=AuthenticationError"]


def test_a_key_that_holds_something_else_stops_no_call(valkey: RunningValkey) -> None:
    with closing(shared(valkey.url)) as rates, Redis.from_url(valkey.url) as server:
        assert counted(rates, ("2/hour",), 1) == 1
        (name,) = server.keys()
        server.set(name, "a text")
        assert counted(rates, ("2/hour",), 2) == 1
        assert rates.where == "local"


def test_closing_while_the_server_is_frozen_leaves_nobody_waiting(valkey: RunningValkey) -> None:
    with closing(shared(f"{valkey.url}?socket_timeout=0.3", LONG_S)) as rates, ThreadPoolExecutor(1) as pool:
        assert counted(rates, NEVER_FULL, 1) == 1
        valkey.freeze()
        waiting = pool.submit(rates.take, KEY, NEVER_FULL)
        rates.close()
        assert waiting.result(PATIENCE_S) == 0
    eventually(lambda: "pointsman-rates" not in {thread.name for thread in threading.enumerate()})
