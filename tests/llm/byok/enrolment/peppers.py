"""Peppers, stores and policies for tests of enrolment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from app.llm.byok.enrolment.fingerprints import Peppers
from app.llm.byok.enrolment.policy import Enrolment
from app.llm.byok.enrolment.states import EnrolledStates
from app.llm.byok.enrolment.store import InMemoryEnrolledKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.byok.enrolment.fingerprints import Fingerprint
    from app.llm.byok.enrolment.store import EnrolledKeys

OLD = SecretStr("an-old-pepper-of-the-server")
NEW = SecretStr("a-new-pepper-of-the-server")
PROVIDERS = ("acme", "nova", "broker")


def peppers(**given: SecretStr) -> Peppers:
    return Peppers(given or {"new": NEW})


class CountingStore(InMemoryEnrolledKeys):
    """Fingerprints in memory that count how often they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        self.asked.append(user_id)
        return super().of(user_id)


class DriverError(Exception):
    """What a database driver raises: its text holds what nobody may see."""


class FailingStore(InMemoryEnrolledKeys):
    """A store whose database is down; `secret` stands for what its driver says."""

    secret = "postgresql://ada:hunter2@db/keys"

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        raise DriverError(self.secret)

    def put(self, user_id: str, provider: str, fingerprint: Fingerprint) -> None:
        raise DriverError(self.secret)

    def replace(self, user_id: str, provider: str, old: Fingerprint, new: Fingerprint) -> bool:
        raise DriverError(self.secret)

    def remove(self, user_id: str, provider: str | None = None) -> int:
        raise DriverError(self.secret)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def policy(store: EnrolledKeys | None = None, some: Peppers | None = None, **measures: Any) -> Enrolment:
    """Return a policy over a store (in memory by default)."""
    states = EnrolledStates(store or InMemoryEnrolledKeys(), **measures)
    return Enrolment(states, some or peppers(), lambda: PROVIDERS)
