"""Key health in this process's memory."""

from __future__ import annotations

import hashlib
import inspect
import secrets
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.errors import ConfigurationError
from app.llm.byok.health.conditions import (
    STATE_OF_FAILURE,
    KeyCondition,
    KeyFailure,
    KeyHealthChanged,
    KeyState,
)
from app.llm.byok.health.record import KeyRecord
from app.llm.forks import renew_in_children
from app.llm.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_USERS = 100_000
"""Users whose keys are remembered; beyond it, those whose last call is the longest ago are forgotten."""


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class InMemoryKeyHealth:
    """What calls of this process have seen of users' keys. It holds no key, and forgets beyond `limit` users.

    `on_change` is called in a background thread with each KeyHealthChanged: when a key goes bad, again at
    most every 24 hours while it stays bad and calls go on failing, and when one works again. A key that
    wavers is told of each of its bad states at most every 24 hours. A key that the user has changed begins as
    unknown: keys are recognised by a hash under a secret that only this process has.

    :raises ConfigurationError: `on_change` is a coroutine function, and a thread has no event loop for it.
    """

    def __init__(
        self,
        on_change: Callable[[KeyHealthChanged], object] | None = None,
        *,
        limit: int = MOST_USERS,
        clock: Callable[[], datetime] = now,
    ) -> None:
        if inspect.iscoroutinefunction(on_change):
            raise ConfigurationError("on_change is called in a thread: it must not be a coroutine function")
        self._teller = Teller(on_change) if on_change is not None else None
        self._limit, self._clock = limit, clock
        self._keyed = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=16)
        self._users: OrderedDict[str, dict[str, KeyRecord]] = OrderedDict()
        self.renew()
        renew_in_children(self)

    def __repr__(self) -> str:
        return f"InMemoryKeyHealth({len(self._users)} users)"

    def __len__(self) -> int:
        return len(self._users)

    @property
    def untold(self) -> int:
        """How many events were dropped because `on_change` was too slow."""
        return self._teller.dropped if self._teller else 0

    def succeeded(self, user_id: str, provider: str, reveal: Callable[[], str]) -> None:
        """Note that the provider served a call on this key."""
        fingerprint = self._fingerprint(reveal)
        record = self._users.get(user_id, {}).get(provider)
        if record is None or record.state != "valid" or record.fingerprint != fingerprint:
            self._note(user_id, provider, fingerprint, "valid")
            return
        try:
            self._users.move_to_end(user_id)
        except KeyError:  # forgotten a moment ago, by another thread
            self._note(user_id, provider, fingerprint, "valid")

    def failed(self, user_id: str, provider: str, reveal: Callable[[], str], failure: KeyFailure) -> None:
        """Note a failed call; only a refusal of the key itself changes what is known of it."""
        state = STATE_OF_FAILURE.get(failure.failure_class)
        if state is not None:
            self._note(user_id, provider, self._fingerprint(reveal), state, failure)

    def of(self, user_id: str, provider: str) -> KeyCondition:
        """Return what is known of this user's key for a provider."""
        record = self._users.get(user_id, {}).get(provider)
        return KeyCondition() if record is None else record.condition

    def all_of(self, user_id: str) -> dict[str, KeyCondition]:
        """Return what is known of this user's keys, by provider."""
        with self._lock:
            return {name: record.condition for name, record in self._users.get(user_id, {}).items()}

    def forget(self, user_id: str) -> None:
        """Forget what is known of this user's keys."""
        with self._lock:
            self._users.pop(user_id, None)

    def close(self) -> None:
        """Tell what is still to be told, and stop the thread."""
        if self._teller is not None:
            self._teller.close()

    def renew(self) -> None:
        """Free the lock, which in a forked child a thread of the parent may hold for ever."""
        self._lock = threading.Lock()

    def _note(
        self,
        user_id: str,
        provider: str,
        fingerprint: bytes,
        state: KeyState,
        failure: KeyFailure | None = None,
    ) -> None:
        at = self._clock()
        with self._lock:
            record = self._users.setdefault(user_id, {}).setdefault(provider, KeyRecord())
            self._users.move_to_end(user_id)
            while len(self._users) > self._limit:
                self._users.popitem(last=False)
            old = record.turn(fingerprint, state, at, failure)
            repeated = record.news(at)
            if repeated is not None and self._teller is not None:  # under the lock: events stay in order
                since = record.since or at
                self._teller.tell(KeyHealthChanged(user_id, provider, old, state, since, failure, repeated))

    def _fingerprint(self, reveal: Callable[[], str]) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(reveal().encode())
        return keyed.digest()
