"""Whatever workers see, tell and miss, in whatever order: once all have heard of it, they agree."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from redis import Redis

from app.llm.circuits.exchanging import RedisExchange
from tests.llm.circuits.workers import BY_HAND, KEY, ROW, all_hear, eventually, is_shared, states, worker
from tests.servers.valkey import running_valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.circuits.redis import SharedCircuits
    from tests.servers.valkey import RunningValkey

WORKERS = 3
PREFIXES = count()
WHAT = st.sampled_from(
    [
        "fails",
        "fails",
        "fails",
        "fails and waits",
        "succeeds",
        "is released",
        "calls",
        "exchanges",
        "server is emptied",
    ]
)
HISTORIES = st.lists(st.tuples(st.integers(min_value=0, max_value=WORKERS - 1), WHAT), max_size=25)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningValkey]:
    with running_valkey() as one:
        yield one


def play(circuits: SharedCircuits, what: str, url: str) -> None:
    match what:
        case "fails":
            circuits.failed(KEY, ROW)
        case "fails and waits":
            circuits.failed(KEY, ROW, 100.0)
        case "succeeds":
            circuits.succeeded(KEY)
        case "is released":
            circuits.released(KEY)
        case "calls":
            circuits.admit(KEY)
        case "exchanges":
            assert circuits.beat()
        case _:
            with Redis.from_url(url) as client:
                client.flushall()


@settings(max_examples=60)
@given(HISTORIES)
def test_workers_that_have_heard_of_everything_agree(
    server: RunningValkey, history: list[tuple[int, str]]
) -> None:
    prefix = f"test-{next(PREFIXES)}"
    with ExitStack() as stack:
        workers = [
            stack.enter_context(worker(RedisExchange(SecretStr(server.url), prefix), turn_s=BY_HAND))
            for _ in range(WORKERS)
        ]
        for one in workers:
            eventually(partial(is_shared, one))
        for number, what in history:
            play(workers[number], what, server.url)
        before = states(workers)
        for _ in range(3):
            all_hear(workers)
        after = states(workers)
        assert len(set(after)) == 1
        assert {one.admit(KEY).allowed for one in workers} == {after[0] == "closed"}
        assert "open" not in before or after[0] == "open", "nobody could try it out, so it can't have closed"
