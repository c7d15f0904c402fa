"""One client a spec: built once, bounded where users pay, and gone when the cache is closed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from app.errors import ResourceClosed
from app.llm.clients.cache import ClientCache
from app.llm.clients.spec import ClientSpec
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

PLATFORM = ClientSpec("openai_compatible", "acme", "https://acme.test/v1", "m", "platform", "bearer")
USER = replace(PLATFORM, payer="user")
NAMED = replace(USER, base_url="https://home.test/v1", user_named=True)
KINDS = [PLATFORM, USER, NAMED]
THREADS = 16


class Builder:
    """Builds a new fake model each time, and counts. It waits for `gate`; its first `failures` fail."""

    def __init__(self, failures: int = 0, error: BaseException | None = None) -> None:
        self.built: list[ClientSpec] = []
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Event()
        self.failures = failures
        self.error = error or ValueError("no such model")

    def __call__(self, spec: ClientSpec) -> BaseChatModel:
        self.started.set()
        self.gate.wait(PATIENCE_S)
        self.built.append(spec)
        if len(self.built) <= self.failures:
            raise self.error
        return FakeListChatModel(responses=["hi"])


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("spec", KINDS)
def test_R1_a_spec_gets_one_client(spec: ClientSpec) -> None:
    build = Builder()
    cache = ClientCache(build)
    assert cache.get(spec) is cache.get(replace(spec))
    assert build.built == [spec]


def test_R1_specs_that_differ_in_anything_get_different_clients() -> None:
    cache = ClientCache(Builder())
    specs = [
        PLATFORM,
        USER,
        replace(PLATFORM, model="n"),
        replace(PLATFORM, base_url="https://other.test/v1"),
        replace(PLATFORM, options=(("temperature", 0.7),)),
        replace(PLATFORM, options=(("temperature", 0.8),)),
        replace(PLATFORM, headers=(("X-Title", "A"),)),
    ]
    assert len({id(cache.get(spec)) for spec in specs}) == len(specs) == len(cache)


@pytest.mark.parametrize("spec", KINDS)
def test_threads_that_miss_at_once_build_one_client(spec: ClientSpec) -> None:
    build, together = Builder(), threading.Barrier(THREADS)
    cache = ClientCache(build)

    def get() -> BaseChatModel:
        together.wait(PATIENCE_S)
        return cache.get(spec)

    with ThreadPoolExecutor(THREADS) as threads:
        clients = [future.result(PATIENCE_S) for future in [threads.submit(get) for _ in range(THREADS)]]
    assert len({id(client) for client in clients}) == 1
    assert build.built == [spec]


def test_a_slow_construction_holds_nobody_else_up() -> None:
    build = Builder()
    cache = ClientCache(build)
    other = cache.get(USER)
    build.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        build.started.clear()
        slow = threads.submit(cache.get, PLATFORM)
        assert build.started.wait(PATIENCE_S)
        assert cache.get(USER) is other
        build.gate.set()
        assert slow.result(PATIENCE_S) is cache.get(PLATFORM)


def test_a_failed_construction_is_raised_and_tried_again_by_the_next_call() -> None:
    build = Builder(failures=1)
    cache = ClientCache(build)
    with pytest.raises(ValueError, match="no such model"):
        cache.get(PLATFORM)
    assert len(cache) == 0
    assert cache.get(PLATFORM) is cache.get(PLATFORM)
    assert len(build.built) == 2


def two_callers(build: Builder) -> list[BaseChatModel | BaseException]:
    """What two threads get that ask for the same spec, the second while the first is building."""
    cache = ClientCache(build)
    build.gate.clear()
    outcomes: list[BaseChatModel | BaseException] = []

    def get() -> None:
        try:
            outcomes.append(cache.get(PLATFORM))
        except BaseException as error:  # noqa: BLE001 - the outcome is what the test is about
            outcomes.append(error)

    first, second = threading.Thread(target=get), threading.Thread(target=get)
    first.start()
    assert build.started.wait(PATIENCE_S)
    second.start()
    build.gate.set()
    first.join(PATIENCE_S)
    second.join(PATIENCE_S)
    return outcomes


def test_an_interrupt_of_the_thread_that_builds_is_no_answer_for_those_who_wait() -> None:
    outcomes = two_callers(Builder(failures=1, error=KeyboardInterrupt()))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "FakeListChatModel",
        "KeyboardInterrupt",
    ]


@pytest.mark.parametrize("spec", [USER, NAMED])
def test_clients_that_users_pay_for_live_for_their_time(spec: ClientSpec) -> None:
    build, clock = Builder(), Clock()
    cache = ClientCache(build, ttl_s=60, clock=clock)
    first, forever = cache.get(spec), cache.get(PLATFORM)
    clock.now += 59
    assert cache.get(spec) is first
    clock.now += 2
    assert cache.get(spec) is not first
    assert cache.get(PLATFORM) is forever


def test_beyond_the_limit_the_least_recently_used_client_makes_room() -> None:
    build = Builder()
    cache = ClientCache(build, limit=2)
    one, two, three = (replace(USER, model=name) for name in ("one", "two", "three"))
    kept, _ = cache.get(one), cache.get(two)
    cache.get(one)
    cache.get(three)
    assert cache.get(one) is kept
    assert len(cache) == 2
    cache.get(two)
    assert build.built == [one, two, three, two]


def test_platform_clients_take_no_room_from_users() -> None:
    cache = ClientCache(Builder(), limit=1)
    for name in ("one", "two", "three"):
        cache.get(replace(PLATFORM, model=name))
    user = cache.get(USER)
    assert cache.get(USER) is user
    assert len(cache) == 4


def test_a_flood_of_endpoints_that_users_named_costs_nobody_elses_client() -> None:
    build = Builder()
    cache = ClientCache(build, limit=2)
    platform, user = cache.get(PLATFORM), cache.get(USER)
    homes = [replace(NAMED, base_url=f"https://home-{number}.test/v1") for number in range(50)]
    for home in homes:
        cache.get(home)
    assert (cache.get(PLATFORM), cache.get(USER)) == (platform, user)
    assert len(cache) == 4
    cache.get(homes[-1])
    assert build.built == [PLATFORM, USER, *homes]
    cache.get(homes[0])
    assert build.built[-1] == homes[0], "the least recently used made room"


@pytest.mark.parametrize("spec", KINDS)
def test_a_closed_cache_gives_no_client_and_closes_twice(spec: ClientSpec) -> None:
    cache = ClientCache(Builder())
    cache.get(spec)
    cache.close()
    cache.close()
    assert len(cache) == 0
    with pytest.raises(ResourceClosed):
        cache.get(spec)


def test_a_client_that_was_being_built_when_the_cache_closed_isnt_kept() -> None:
    build = Builder()
    cache = ClientCache(build)
    build.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(cache.get, PLATFORM)
        assert build.started.wait(PATIENCE_S)
        cache.close()
        build.gate.set()
        assert late.result(PATIENCE_S) is not None
    assert len(cache) == 0
