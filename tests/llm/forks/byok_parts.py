"""Parts that know of users' keys, each with work in the middle of its use."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.states import EnrolledStates
from app.llm.byok.enrolment.store import InMemoryEnrolledKeys
from app.llm.byok.health.memory import InMemoryKeyHealth
from tests.llm.forks.holding import SlowName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.llm.forks.holding import FirstWaits, Part


def with_ada(store: InMemoryEnrolledKeys) -> InMemoryEnrolledKeys:
    """Enrol a key of Ada's."""
    store.put("ada", "acme", Fingerprint("p", "1" * 64))
    return store


class SlowStore(InMemoryEnrolledKeys):
    """A store that works before it answers."""

    def __init__(self, work: FirstWaits) -> None:
        super().__init__()
        self._work = work

    def of(self, user_id: str) -> Mapping[str, Fingerprint]:
        self._work()
        return super().of(user_id)


class SlowUrl(SecretStr):
    """A database's URL that is long in coming."""

    def __init__(self, work: FirstWaits) -> None:
        super().__init__("sqlite://")
        self._work = work

    def get_secret_value(self) -> str:
        self._work()
        return super().get_secret_value()


def key_health(work: FirstWaits) -> Part:
    part = InMemoryKeyHealth()
    part.succeeded("ada", "acme", lambda: "sk-ada")
    return part, partial(part.all_of, SlowName("ada", work))


def enrolled_in_memory(work: FirstWaits) -> Part:
    part = with_ada(InMemoryEnrolledKeys())
    return part, partial(part.of, SlowName("ada", work))


def enrolled_in_a_database(work: FirstWaits) -> Part:
    part = SqlEnrolledKeys(SlowUrl(work))

    def prepared() -> bool:
        part.prepare()
        return True

    return part, prepared


def states_that_are_looked_up(work: FirstWaits) -> Part:
    part = EnrolledStates(with_ada(InMemoryEnrolledKeys()))
    return part, partial(part.of, SlowName("ada", work))


def states_that_are_asked_for(work: FirstWaits) -> Part:
    part = EnrolledStates(with_ada(SlowStore(work)))
    return part, partial(part.of, "ada")


def states_that_a_loop_asks_for(work: FirstWaits) -> Part:
    part = EnrolledStates(with_ada(SlowStore(work)))
    return part, lambda: asyncio.run(part.aof("ada"))


BYOK_PARTS = (
    key_health,
    enrolled_in_memory,
    enrolled_in_a_database,
    states_that_are_looked_up,
    states_that_are_asked_for,
    states_that_a_loop_asks_for,
)
