"""How many calls may be hedged: a share of those that were made."""

from __future__ import annotations

import threading
from typing import Final

from app.llm.forks import renew_in_children

MOST_SAVED: Final = 3.0
"""Hedges that a feature can save up: a provider's bad minute doesn't get an hour's worth of them."""


class Shares:
    """The hedges that features may still make: each call adds its share of one, each hedge takes a whole one.

    So there are never more hedges than the share of all calls. A forked child begins with none.
    """

    def __init__(self) -> None:
        self.renew()
        renew_in_children(self)

    def called(self, feature: str, share: float) -> None:
        """Note a call, which earns a share (0.05 is one in twenty) of a hedge."""
        with self._lock:
            self._saved[feature] = min(self._saved.get(feature, 0.0) + share, MOST_SAVED)

    def has(self, feature: str) -> bool:
        """Whether a feature may make a hedge now."""
        return self._saved.get(feature, 0.0) >= 1.0

    def take(self, feature: str) -> bool:
        """Take one hedge, if there is one."""
        with self._lock:
            saved = self._saved.get(feature, 0.0)
            if saved >= 1.0:
                self._saved[feature] = saved - 1.0
            return saved >= 1.0

    def put_back(self, feature: str) -> None:
        """Give back a hedge that was taken, and not made."""
        with self._lock:
            self._saved[feature] = min(self._saved.get(feature, 0.0) + 1.0, MOST_SAVED)

    def renew(self) -> None:
        """Begin anew: in a forked child, a thread of the parent may have been in the middle of a change."""
        self._lock = threading.Lock()
        self._saved: dict[str, float] = {}
