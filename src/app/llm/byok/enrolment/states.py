"""What the store of enrolled keys said lately, so that it isn't asked at every request."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from cachetools import TTLCache

from app.errors import EnrolmentUnavailable, PointsmanError, ResourceClosed
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.llm.byok.enrolment.fingerprints import Fingerprint
    from app.llm.byok.enrolment.store import EnrolledKeys

    State = Mapping[str, Fingerprint]

T = TypeVar("T")

USERS_KEPT: Final = 1024
KEPT_S: Final = 30.0
THREADS: Final = 4
PATIENCE_S: Final = 10.0


class EnrolledStates:
    """What each user has enrolled, as the store said at most `ttl_s` seconds ago, for `limit` users.

    However many requests of a user come at the same time, the store is asked once. Event loops ask it in a
    few threads of its own. Nobody waits longer than `patience_s` seconds for another one's question. A
    forked child asks for itself.
    """

    def __init__(
        self,
        store: EnrolledKeys,
        *,
        limit: int = USERS_KEPT,
        ttl_s: float = KEPT_S,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self._patience_s = patience_s
        self._none_kept: Callable[[], TTLCache[str, State]] = partial(TTLCache, limit, ttl_s, timer=clock)
        self._closed = False
        self.renew()
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"EnrolledStates(users={len(self._states)})"

    def of(self, user_id: str) -> State:
        """Return what a user has enrolled; asks the store in this thread if it has to.

        :raises EnrolmentUnavailable: the store can't be asked, or doesn't answer in time.
        """
        found, first = self._find(user_id)
        if not isinstance(found, Future):
            return found
        if first:
            self._ask(user_id, found)
        return self._waited(found)

    async def aof(self, user_id: str) -> State:
        """Return what a user has enrolled; asks the store in another thread if it has to.

        :raises EnrolmentUnavailable: the store can't be asked, or doesn't answer in time.
        """
        found, first = self._find(user_id)
        if not isinstance(found, Future):
            return found
        if first:
            self._submit(user_id, found)
        return await self._in_time(found)

    def later(self, work: Callable[[], None]) -> None:
        """Do something with the store in one of its threads, and don't wait for it.

        :raises ResourceClosed: after `close`.
        """
        with self._lock:
            if self._closed:
                raise ResourceClosed("the enrolled keys are closed")
            self._threads.submit(work)

    def forget(self, user_id: str) -> None:
        """Ask the store again at the user's next request; an answer that is under way isn't kept either."""
        with self._lock:
            self._states.pop(user_id, None)
            self._under_way.pop(user_id, None)

    def close(self) -> None:
        """End the threads and let go of the store. Calling it twice is no error."""
        with self._lock:
            self._closed = True
        self._threads.shutdown()
        self.store.close()

    def renew(self) -> None:
        """Start empty. What a parent has asked for is never answered in a child that it forked meanwhile."""
        self._lock = threading.Lock()
        self._states = self._none_kept()
        self._under_way: dict[str, Future[State]] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pointsman enrolled keys")

    def _find(self, user_id: str) -> tuple[State | Future[State], bool]:
        """Return the state, or the future of it, and whether the caller is the one who has to ask for it."""
        with self._lock:
            state = self._states.get(user_id)
            if state is not None:
                return state, False
            future = self._under_way.get(user_id)
            if future is not None:
                return future, False
            future = self._under_way[user_id] = Future()
            return future, True

    def _submit(self, user_id: str, future: Future[State]) -> None:
        try:
            self.later(partial(self._ask, user_id, future))
        except PointsmanError as error:
            self._fail(user_id, future, error)

    def _ask(self, user_id: str, future: Future[State]) -> None:
        try:
            state = asked(lambda: self.store.of(user_id))
        except PointsmanError as error:
            self._fail(user_id, future, error)
        except BaseException:
            # An interrupt of the thread that asks is no reason for others to wait for ever.
            reason = "asking the store of enrolled keys was interrupted"
            self._fail(user_id, future, EnrolmentUnavailable(reason))
            raise
        else:
            self._settle(user_id, future, state)
            future.set_result(state)

    def _fail(self, user_id: str, future: Future[State], error: PointsmanError) -> None:
        self._settle(user_id, future)
        future.set_exception(error)

    def _settle(self, user_id: str, future: Future[State], state: State | None = None) -> None:
        with self._lock:
            if self._under_way.get(user_id) is future:
                del self._under_way[user_id]
                if state is not None:
                    self._states[user_id] = state

    async def _in_time(self, future: Future[State]) -> State:
        # Shielded: others may wait for the same answer when this request is cancelled.
        waiting = asyncio.shield(asyncio.wrap_future(future))
        try:
            return await asyncio.wait_for(waiting, self._patience_s)
        except TimeoutError:
            raise self._too_late() from None

    def _waited(self, future: Future[State]) -> State:
        try:
            return future.result(self._patience_s)
        except TimeoutError:
            raise self._too_late() from None

    def _too_late(self) -> EnrolmentUnavailable:
        return EnrolmentUnavailable(f"the store of enrolled keys didn't answer in {self._patience_s:g} s")


def asked(work: Callable[[], T]) -> T:
    """Do something with a store.

    :raises EnrolmentUnavailable: it fails; of an error that isn't ours, it tells the type only.
    """
    try:
        return work()
    except PointsmanError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a store's own driver raises means this one thing
        kind = type(error).__name__
    raise EnrolmentUnavailable(f"the store of enrolled keys can't be asked: {kind}")
