"""Limits that processes keep together, on a real server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from redis import Redis

from app.errors import SettingsError
from app.llm.rates.memory import MARGIN_S
from app.llm.rates.port import RateKey
from app.llm.rates.redis import SharedRates
from app.llm.rates.together import SharedWindows, opened
from tests.llm.forks.python import FORKS_WITH_THREADS
from tests.llm.rates.crowd import (
    KEY,
    NEVER_FULL,
    acounted,
    counted,
    counted_in_a_worker,
    counted_in_threads,
    shared,
)
from tests.servers.running import PATIENCE_S
from tests.servers.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.valkey import RunningValkey

__all__ = ["valkey"]
HOUR_S = 3600


@pytest.fixture
def workers(valkey: RunningValkey) -> Iterator[list[SharedRates]]:
    """Three that count together, as three processes do."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(shared(valkey.url))) for _ in range(3)]


def lists_of(valkey: RunningValkey) -> dict[str, list[int]]:
    """Return what the server holds."""
    with Redis.from_url(valkey.url, decode_responses=True) as server:
        return {name: [int(one) for one in server.lrange(name, 0, -1)] for name in sorted(server.keys())}


def test_workers_share_a_limit(workers: list[SharedRates]) -> None:
    assert [counted(one, ("10/hour", "300/day"), 4) for one in workers] == [4, 4, 2]
    assert [one.where for one in workers] == ["shared"] * 3
    assert all(HOUR_S / 2 < one.take(KEY, ("10/hour",)) <= HOUR_S + MARGIN_S for one in workers)


def test_two_processes_share_a_limit(valkey: RunningValkey) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        jobs = [processes.submit(counted_in_a_worker, valkey.url, ("50/hour",), 40) for _ in range(2)]
        mine = counted_in_a_worker(valkey.url, ("50/hour",), 40)
        assert mine + sum(job.result(PATIENCE_S * 3) for job in jobs) == 50


def test_workers_with_threads_and_loops_are_given_the_limit_and_no_more(workers: list[SharedRates]) -> None:
    limits = ("90/hour", "1000/day")
    with ThreadPoolExecutor(3) as threads:
        jobs = [threads.submit(counted_in_threads, one, limits, 4, 12) for one in workers]
        in_loops = [asyncio.run(acounted(one, limits, 20)) for one in workers]
        assert sum(in_loops) + sum(job.result(PATIENCE_S) for job in jobs) == 90


def test_nothing_is_counted_for_anybody_when_one_limit_of_a_take_is_full(workers: list[SharedRates]) -> None:
    ada, eve, bob = workers
    assert counted(ada, ("2/hour", "5/day"), 2) == 2
    assert counted(eve, ("2/hour", "5/day"), 9) == 0
    assert counted(eve, ("5/day", "2/hour"), 9) == 0
    assert counted(bob, ("5/day",), 9) == 3
    assert eve.take(KEY, ("2/hour", "5/day")) > HOUR_S


def test_the_server_holds_names_and_moments_and_forgets_them(
    valkey: RunningValkey, workers: list[SharedRates]
) -> None:
    key = RateKey("acme", "vendor/m", "user", "0f0f")
    assert counted(workers[0], ("3/hour",), 9, key) == 3
    ((name, moments),) = lists_of(valkey).items()
    assert name == "pointsman:rates:LIMITER/{acme/vendor%2Fm/user/0f0f}/3/1/hour"
    assert sorted(moments, reverse=True) == moments
    assert len(moments) == 3
    with Redis.from_url(valkey.url) as server:
        assert 0 < server.ttl(name) <= HOUR_S


def test_a_window_moves(valkey: RunningValkey, workers: list[SharedRates]) -> None:
    assert counted(workers[0], ("3/hour",), 3) == 3
    ((name, moments),) = lists_of(valkey).items()
    with Redis.from_url(valkey.url) as server:
        for place, ago in enumerate((0, 10 * 60, 61 * 60)):
            server.lset(name, place, moments[0] - ago * 1_000_000)
    assert [counted(one, ("3/hour",), 2) for one in workers[1:]] == [1, 0]
    assert 40 * 60 < workers[2].take(KEY, ("3/hour",)) < 51 * 60
    assert len(lists_of(valkey)[name]) == 3


def test_moments_of_a_server_whose_clock_was_set_back_bar_nobody(
    valkey: RunningValkey, workers: list[SharedRates]
) -> None:
    assert counted(workers[0], ("1/hour",), 1) == 1
    ((name, (moment,)),) = lists_of(valkey).items()
    with Redis.from_url(valkey.url) as server:
        server.lset(name, 0, moment + 9 * HOUR_S * 1_000_000)
    assert counted(workers[1], ("1/hour",), 2) == 1
    assert len(lists_of(valkey)[name]) == 1


def test_scripts_that_the_server_forgot_are_told_again(
    valkey: RunningValkey, workers: list[SharedRates]
) -> None:
    assert counted(workers[0], ("4/hour",), 2) == 2
    with Redis.from_url(valkey.url) as server:
        server.script_flush()
    assert counted(workers[1], ("4/hour",), 3) == 2
    assert workers[1].where == "shared"


async def test_a_task_waits_in_no_pool_of_its_loop(workers: list[SharedRates]) -> None:
    gate = threading.Event()
    full = asyncio.get_running_loop()
    busy = [full.run_in_executor(None, gate.wait, PATIENCE_S) for _ in range(5 * (os.cpu_count() or 1) + 5)]
    try:
        assert await acounted(workers[0], ("5/hour",), 9) == 5
        assert workers[0].where == "shared"
    finally:
        gate.set()
        await asyncio.gather(*busy)


async def test_a_task_that_is_cancelled_while_it_waits_is_cancelled_and_others_go_on(
    valkey: RunningValkey, workers: list[SharedRates]
) -> None:
    await workers[0].atake(KEY, NEVER_FULL)
    valkey.freeze()
    waiting = asyncio.create_task(workers[0].atake(KEY, NEVER_FULL))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    valkey.thaw()
    assert await workers[0].atake(KEY, NEVER_FULL) == 0
    assert workers[0].where == "shared"


def test_the_password_of_the_url_is_used_and_not_shown(valkey: RunningValkey) -> None:
    with Redis.from_url(valkey.url) as server:
        server.config_set("requirepass", "sesame")
    with closing(shared(valkey.url.replace("//", "//:sesame@"))) as one:
        assert counted(one, ("2/hour",), 3) == 2
        assert one.where == "shared"
        assert "sesame" not in repr(one)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "canary",
        "http://canary@host",
        "redis://host:canary",
        "redis://u:can:ary@host:x/canary",
        "redis://host?socket_timeout=canary",
        "redis://host?canary=1",
    ],
)
def test_a_url_that_makes_no_sense_is_an_error_that_doesnt_show_it(url: str) -> None:
    with pytest.raises(SettingsError, match=r"POINTSMAN_REDIS_URL isn't a URL of a Redis") as refused:
        SharedRates(SecretStr(url))
    assert "canary" not in f"{refused.value!r} {refused.value.__cause__!r} {refused.value.__context__!r}"


def test_time_limits_of_the_url_hold() -> None:
    with closing(opened(SecretStr("redis://127.0.0.1:1?socket_timeout=7"), "p", 0.01)) as windows:
        assert isinstance(windows, SharedWindows)
        options = windows.storage.connection_pool.connection_kwargs
        assert (options["socket_timeout"], options["socket_connect_timeout"]) == (7, 0.01)


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'redis'\", name='redis')\n"
    (tmp_path / "redis.py").write_text(missing, encoding="utf-8")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pydantic import SecretStr\n"
        "from app.errors import SettingsError\n"
        "from app.llm.rates.redis import SharedRates\n"
        "try:\n    SharedRates(SecretStr('redis://127.0.0.1'))\n"
        "except SettingsError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "POINTSMAN_REDIS_URL needs the package redis: install pointsman[redis]\n"


def test_R14_forked_children_and_their_parent_share_a_limit_over_connections_of_their_own(
    valkey: RunningValkey, project_root: Path
) -> None:
    command = [sys.executable, *FORKS_WITH_THREADS, "-m", "tests.llm.rates.forking", valkey.url]
    done = subprocess.run(
        command, cwd=project_root, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 3
    )
    assert (done.returncode, done.stderr) == (0, "")
