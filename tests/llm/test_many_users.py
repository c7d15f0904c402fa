"""Many users share one client and one pool, and nothing of one of them stays for the next."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.llm.crowd import PROTOCOLS, QUESTION, aask_all, ask_all, container_at, key_of, user
from tests.servers.models import TEXT, any_model
from tests.servers.running import PATIENCE_S, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dependency_injector.containers import DynamicContainer
    from langchain_core.messages import AIMessage

    from tests.servers.running import RunningServer
    from tests.servers.wire import Answer, Received

USERS = 240
THREADS = 30
AT_ONCE = 40
AUTH_HEADERS = {"authorization", "x-api-key", "x-goog-api-key"}


def with_cookies(received: Received) -> Answer:
    """Answer with cookies that are the asking user's own."""
    key = next(value for name, value in received.headers if name in AUTH_HEADERS)
    cookie = f"session={key.split()[-1]}; Path=/; Max-Age=3600"
    answer = any_model(received)
    return replace(answer, headers={**answer.headers, "set-cookie": cookie})


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running(with_cookies) as one:
        yield one


@pytest.fixture
def container(server: RunningServer) -> Iterator[DynamicContainer]:
    with container_at(server.origin) as one:
        yield one


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - of each a name is enough


def holds_for_each_user(server: RunningServer, users: int) -> None:
    """Each key came once, in its own header; all else is the same for all users, and there are no cookies."""
    keys, rests = [], set()
    for one in server.received:
        [key] = [value for name, value in one.headers if name in AUTH_HEADERS]
        keys.append(key.removeprefix("Bearer "))
        rests.add(tuple((name, value) for name, value in one.headers if name not in AUTH_HEADERS))
    assert sorted(keys) == [key_of(number) for number in range(users)]
    [rest] = rests
    assert "cookie" not in dict(rest)
    assert "sk-of-user" not in str(rest)


@pytest.mark.parametrize("feature", PROTOCOLS)
def test_R7_hundreds_of_users_in_threads_share_one_pool_and_nothing_of_one_stays_for_the_next(
    server: RunningServer, container: DynamicContainer, feature: str
) -> None:
    service = container.llm_service()
    first = ask_all(service, feature, range(THREADS), THREADS)
    files, connections = open_files(), server.connections
    others = ask_all(service, feature, range(THREADS, USERS), THREADS)
    assert first + others == [TEXT] * USERS
    assert open_files() - files <= 2 * (server.connections - connections)  # both ends are in this process
    assert len(container.client_cache()) == 1
    assert container.transport().blocking_line().connections == server.connections <= THREADS
    holds_for_each_user(server, USERS)


@pytest.mark.parametrize("feature", PROTOCOLS)
async def test_R7_hundreds_of_users_in_a_loop_share_one_pool_and_nothing_of_one_stays_for_the_next(
    server: RunningServer, container: DynamicContainer, feature: str
) -> None:
    service = container.llm_service()
    first = await aask_all(service, feature, range(AT_ONCE), AT_ONCE)
    files, connections = open_files(), server.connections
    others = await aask_all(service, feature, range(AT_ONCE, USERS), connections)
    assert first + others == [TEXT] * USERS
    assert (open_files(), server.connections) == (files, connections)
    assert len(container.client_cache()) == 1
    sessions = container.transport().awaiting_line().sessions
    assert (len(sessions), (await sessions.current()).connections) == (1, connections)
    holds_for_each_user(server, USERS)


@pytest.mark.parametrize("feature", PROTOCOLS)
def test_R14_thirty_threads_with_two_loops_each_are_all_answered(
    server: RunningServer, container: DynamicContainer, feature: str
) -> None:
    service, together = container.llm_service(), threading.Barrier(THREADS)

    async def ask(number: int) -> str:
        answer: AIMessage = await service.get_llm(feature, scope=user(number)).ainvoke(QUESTION)
        return answer.text

    def two_loops_and_a_call_between(number: int) -> list[str]:
        together.wait(PATIENCE_S)
        first = asyncio.run(ask(number))
        between = service.get_llm(feature, scope=user(number)).invoke(QUESTION).text
        return [first, between, asyncio.run(ask(number))]

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(two_loops_and_a_call_between, range(THREADS)))
    assert answers == [[TEXT] * 3] * THREADS
    assert len(server.received) == THREADS * 3
    assert len(container.client_cache()) == 1


def test_R14_one_model_serves_two_living_loops_and_a_thread_at_the_same_time(
    server: RunningServer, container: DynamicContainer
) -> None:
    model = container.llm_service().get_llm("openai_compatible", scope=user(1))
    together = threading.Barrier(3)

    async def ask_often() -> list[str]:
        together.wait(PATIENCE_S)
        return [(await model.ainvoke(QUESTION)).text for _ in range(20)]

    def ask_often_in_a_thread() -> list[str]:
        together.wait(PATIENCE_S)
        return [model.invoke(QUESTION).text for _ in range(20)]

    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(asyncio.run, ask_often()) for _ in range(2)]
        calls.append(threads.submit(ask_often_in_a_thread))
        assert [call.result(PATIENCE_S) for call in calls] == [[TEXT] * 20] * 3
    assert server.connections == 3
