"""EnrolledKeys: which keys users have enrolled, by their fingerprints. The port, and one in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.byok.enrolment.fingerprints import Fingerprint


class EnrolledKeys(Protocol):
    """The port: user id -> provider -> fingerprint. Called from several threads at the same time.

    Every method may wait for a database, and raises EnrolmentUnavailable if that can't be asked.
    """

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        """Return all fingerprints of a user, by provider; empty for a user who enrolled none."""
        ...

    def put(self, user_id: str, provider: str, fingerprint: Fingerprint) -> None:
        """Keep a fingerprint, instead of the one that was there, if any."""
        ...

    def replace(self, user_id: str, provider: str, old: Fingerprint, new: Fingerprint) -> bool:
        """Put `new` in the place of `old`; if `old` is no longer there, change nothing and return False."""
        ...

    def remove(self, user_id: str, provider: str | None = None) -> int:
        """Forget one fingerprint of a user, or all of them; return how many there were."""
        ...

    def close(self) -> None:
        """Let go of connections. Calling it twice is no error."""
        ...


class InMemoryEnrolledKeys:
    """Fingerprints in this process's memory: for tests, and for a product that has one process.

    A forked child begins with what its parent had; neither sees what the other does afterwards.
    """

    def __init__(self) -> None:
        self._users: dict[str, dict[str, Fingerprint]] = {}
        self.renew()
        renew_in_children(self)

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        with self._lock:
            return dict(self._users.get(user_id, {}))

    def put(self, user_id: str, provider: str, fingerprint: Fingerprint) -> None:
        with self._lock:
            self._users.setdefault(user_id, {})[provider] = fingerprint

    def replace(self, user_id: str, provider: str, old: Fingerprint, new: Fingerprint) -> bool:
        with self._lock:
            mine = self._users.get(user_id, {})
            if mine.get(provider) != old:
                return False
            mine[provider] = new
            return True

    def remove(self, user_id: str, provider: str | None = None) -> int:
        with self._lock:
            mine = self._users.get(user_id, {})
            gone = [name for name in mine if provider in {None, name}]
            for name in gone:
                del mine[name]
            if not mine:
                self._users.pop(user_id, None)
            return len(gone)

    def close(self) -> None:
        """Nothing was opened."""

    def renew(self) -> None:
        """Free the lock, which in a forked child a thread of the parent may hold for ever."""
        self._lock = threading.Lock()
