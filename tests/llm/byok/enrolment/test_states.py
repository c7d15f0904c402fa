"""What is kept of a store's answers: for how long, for how many users, and who asks."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from app.errors import EnrolmentUnavailable, ResourceClosed
from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.byok.enrolment.states import EnrolledStates
from app.llm.byok.enrolment.store import InMemoryEnrolledKeys
from tests.llm.byok.enrolment.peppers import Clock, CountingStore, FailingStore
from tests.llm.clients.forking import ended_well, fork

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ONE = Fingerprint("p", "1" * 64)
PATIENCE_S = 20.0


class HeldStore(CountingStore):
    """A store that answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.threads: set[str] = set()

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        found = super().of(user_id)
        self.threads.add(threading.current_thread().name)
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        return found


@pytest.fixture
def held() -> Iterator[HeldStore]:
    store = HeldStore()
    yield store
    store.gate.set()


def test_an_answer_is_kept_for_its_time() -> None:
    store, clock = CountingStore(), Clock()
    with closing(EnrolledStates(store, ttl_s=30, clock=clock)) as states:
        for later in (0, 29, 2):
            clock.now += later
            states.of("ada")
    assert store.asked == ["ada", "ada"]


def test_that_a_user_enrolled_nothing_is_kept_too() -> None:
    store = CountingStore()
    with closing(EnrolledStates(store)) as states:
        assert [dict(states.of("ada")), dict(states.of("ada"))] == [{}, {}]
    assert store.asked == ["ada"]


def test_only_so_many_users_are_kept_and_the_one_who_was_away_longest_makes_room() -> None:
    store = CountingStore()
    with closing(EnrolledStates(store, limit=2)) as states:
        for user in ("ada", "bob", "ada", "eve", "ada", "bob"):
            states.of(user)
    assert store.asked == ["ada", "bob", "eve", "bob"]


def test_threads_that_miss_at_the_same_time_ask_once(held: HeldStore) -> None:
    with closing(EnrolledStates(held)) as states, ThreadPoolExecutor(16) as threads:
        answers = [threads.submit(states.of, "ada") for _ in range(16)]
        assert held.entered.wait(PATIENCE_S)
        held.gate.set()
        assert [dict(answer.result()) for answer in answers] == [{}] * 16
    assert held.asked == ["ada"]


async def test_tasks_that_miss_at_the_same_time_ask_once_and_in_a_thread_of_the_states(
    held: HeldStore,
) -> None:
    with closing(EnrolledStates(held)) as states:
        asking = [asyncio.create_task(states.aof("ada")) for _ in range(50)]
        await asyncio.to_thread(held.entered.wait, PATIENCE_S)
        held.gate.set()
        assert [dict(found) for found in await asyncio.gather(*asking)] == [{}] * 50
    assert held.asked == ["ada"]
    assert all(name.startswith("pointsman enrolled keys") for name in held.threads)


async def test_a_kept_answer_needs_no_thread() -> None:
    store = CountingStore()
    states = EnrolledStates(store)
    states.of("ada")
    states.close()
    states.close()
    assert dict(await states.aof("ada")) == {}
    with pytest.raises(ResourceClosed):
        await states.aof("eve")
    with pytest.raises(ResourceClosed):
        states.later(store.close)
    assert store.asked == ["ada"]


async def test_one_request_that_is_cancelled_takes_no_other_with_it(held: HeldStore) -> None:
    with closing(EnrolledStates(held)) as states:
        first, second = (asyncio.create_task(states.aof("ada")) for _ in range(2))
        await asyncio.to_thread(held.entered.wait, PATIENCE_S)
        first.cancel()
        held.gate.set()
        assert dict(await second) == {}
        with pytest.raises(asyncio.CancelledError):
            await first
        assert dict(states.of("ada")) == {}
    assert held.asked == ["ada"]


async def test_a_store_that_doesnt_answer_is_unavailable_after_a_while(held: HeldStore) -> None:
    with closing(EnrolledStates(held, patience_s=0.01)) as states:
        with pytest.raises(EnrolmentUnavailable, match=r"0\.01 s"):
            await states.aof("ada")
        with pytest.raises(EnrolmentUnavailable, match=r"0\.01 s"):
            states.of("ada")
        held.gate.set()


async def test_an_answer_from_before_a_change_isnt_kept(held: HeldStore) -> None:
    with closing(EnrolledStates(held)) as states:
        asking = asyncio.create_task(states.aof("ada"))
        await asyncio.to_thread(held.entered.wait, PATIENCE_S)
        held.put("ada", "acme", ONE)
        states.forget("ada")
        held.gate.set()
        assert dict(await asking) == {}
        assert dict(await states.aof("ada")) == {"acme": ONE}


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    states = EnrolledStates(FailingStore())
    with closing(states):
        failed = await asyncio.gather(*(states.aof("ada") for _ in range(5)), return_exceptions=True)
        assert {type(error) for error in failed} == {EnrolmentUnavailable}
        with pytest.raises(EnrolmentUnavailable) as refused:
            states.of("ada")
        assert "DriverError" in str(refused.value)
        assert FailingStore.secret not in f"{refused.value!r} {refused.value.__context__!r}"
        states.store = InMemoryEnrolledKeys()
        assert dict(states.of("ada")) == {}


class InterruptedStore(InMemoryEnrolledKeys):
    """A store whose first reader is interrupted."""

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        raise KeyboardInterrupt


def test_an_interrupt_of_who_asks_lets_nobody_wait_for_ever() -> None:
    states = EnrolledStates(InterruptedStore())
    with pytest.raises(KeyboardInterrupt):
        states.of("ada")
    states.store = InMemoryEnrolledKeys()
    assert dict(states.of("ada")) == {}
    assert repr(states) == "EnrolledStates(users=1)"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("child_closes", [True, False])
def test_a_forked_child_asks_in_threads_of_its_own_and_its_parents_go_on(child_closes: bool) -> None:  # noqa: FBT001
    with closing(EnrolledStates(CountingStore(), ttl_s=1e-9)) as states:
        asyncio.run(states.aof("ada"))

        def child() -> None:
            assert dict(asyncio.run(states.aof("ada"))) == {}
            if child_closes:
                states.close()

        assert ended_well(fork(child))
        assert dict(asyncio.run(states.aof("ada"))) == {}


def test_each_of_several_event_loops_gets_its_answer() -> None:
    with closing(EnrolledStates(CountingStore(), ttl_s=1e-9)) as states:
        for _ in range(3):
            assert dict(asyncio.run(states.aof("ada"))) == {}
