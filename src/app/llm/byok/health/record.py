"""What is remembered of one user's key for one provider, and when its change is worth telling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.llm.byok.health.conditions import KeyCondition, KeyFailure, KeyState

if TYPE_CHECKING:
    from datetime import datetime

TOLD_AGAIN_AFTER = timedelta(hours=24)
"""How long the same bad news of the same key isn't told again."""
MOST_NEWS = 8
"""Pieces of bad news that are remembered as told: a user may send one key here and another one there."""


class KeyRecord:
    """The key that a user sent last for a provider, known by its fingerprint, and what was told of it."""

    __slots__ = ("_last_told", "_told", "failure", "fingerprint", "since", "state")

    def __init__(self) -> None:
        self.fingerprint = b""
        self.state: KeyState = "unknown"
        self.since: datetime | None = None
        self.failure: KeyFailure | None = None
        self._told: dict[tuple[bytes, KeyState], datetime] | None = None
        self._last_told: KeyState = "valid"

    @property
    def condition(self) -> KeyCondition:
        """What is known of the key."""
        return KeyCondition(self.state, self.since, self.failure)

    def turn(self, fingerprint: bytes, state: KeyState, at: datetime, failure: KeyFailure | None) -> KeyState:
        """Note what was seen, and return the state before it: `unknown` if this is another key."""
        old = self.state if self.fingerprint == fingerprint else "unknown"
        if old != state:
            self.since = at
        self.fingerprint, self.state, self.failure = fingerprint, state, failure
        return old

    def news(self, at: datetime) -> bool | None:
        """Return whether the present state is to be told: None: no, False: yes, True: yes, once more.

        That a key works is news only to whom it was told that one didn't.
        """
        if self.state == "valid":
            news = None if self._last_told == "valid" else False
        else:
            news = self._bad_news(at)
        if news is not None:
            self._last_told = self.state
        return news

    def _bad_news(self, at: datetime) -> bool | None:
        told = self._told = self._told or {}
        before = told.pop((self.fingerprint, self.state), None)
        due = before is None or at - before >= TOLD_AGAIN_AFTER
        told[self.fingerprint, self.state] = at if due or before is None else before
        if len(told) > MOST_NEWS:
            del told[next(iter(told))]
        return before is not None if due else None
