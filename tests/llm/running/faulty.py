"""Four providers at one server: every second request meets a fault, and it is known whose call it was."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from app.testing.faults.asked import asked_of
from app.testing.faults.playing import Moment
from app.testing.faults.table import FAULTS, OK, REFUSED
from app.testing.faults.voices import Wait
from app.testing.servers import Seen
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.testing.faults.voices import Answer as Played
    from tests.servers.wire import Received

ABOUT: Final = re.compile(rb"call (\d+)\.(\d+)")
"""How each question names its call."""
SILENT: Final = ("slow_first_token", "stall")
GOOD_OF_TEN: Final = 5
SILENT_OF_A_THOUSAND: Final = 5
LOUD: Final = sorted(FAULTS.keys() - {OK, REFUSED, *SILENT})


class CallId(NamedTuple):
    """Whose errand a call belongs to, and which of its calls it is."""

    errand: int
    part: int


class Request(NamedTuple):
    """A request as its provider saw it."""

    provider: str
    model: str
    key: str | None


class FaultyProviders:
    """The script of a server: a fault for every second request. Chance is that of a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - draws faults
        self._lock = threading.Lock()
        self.seen: dict[CallId, Counter[Request]] = defaultdict(Counter)
        self.faults: Counter[str] = Counter()
        self.on_arrival: dict[tuple[int, int], Callable[[], object]] = {}
        """What is done when an errand's nth request has arrived (errand, n)."""

    def __call__(self, received: Received) -> Answer:
        found = ABOUT.search(received.body)
        assert found is not None, "a request that belongs to no call"
        call = CallId(int(found[1]), int(found[2]))
        provider = received.target.split("/")[1]
        seen = Seen(received.method, received.target, received.headers, received.body)
        asked = asked_of(seen, provider, time.monotonic())
        assert asked is not None
        with self._lock:
            fault = self._fault()
            self.faults[fault] += 1
            self.seen[call][Request(provider, asked.model, asked.key)] += 1
            arrived = sum(self.seen[call].values())
        notice = self.on_arrival.pop((call.errand, arrived), None)
        if notice is not None:
            notice()
        return said(FAULTS[fault].answer(asked, Moment(time.time(), 60.0)))

    def _fault(self) -> str:
        if self._chance.randrange(1000) < SILENT_OF_A_THOUSAND:
            return self._chance.choice(SILENT)
        return OK if self._chance.randrange(10) < GOOD_OF_TEN else self._chance.choice(LOUD)


def said(played: Played) -> Answer:
    """Return an answer as this server says it. A silence lasts until the client leaves, a reset is a cut."""
    parts = [Gate() if isinstance(part, Wait) else part for part in played.parts]
    cut = played.ending != "whole"
    if played.chunked or cut or any(isinstance(part, Gate) for part in parts):
        return Answer(status=played.status, headers=played.headers, parts=parts, cut=cut)
    return Answer(b"".join(part for part in parts if isinstance(part, bytes)), played.status, played.headers)
