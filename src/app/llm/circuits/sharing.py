"""What a process tells others of its circuits, and takes over from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from app.llm.circuits.breaker import Span
from app.llm.circuits.exchanging import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.llm.circuits.breaker import Breaker
    from app.llm.circuits.exchanging import Heard
    from app.llm.circuits.memory import InMemoryCircuits
    from app.llm.circuits.port import CircuitKey

TURN_S = 0.2
"""Seconds between two exchanges."""
STRICT_S = 1.0
"""So long, a probe waits for a permission that only one process gets.

Where calls come more rarely than that, each would come to a process without permission, and be refused: so
later on, whoever has a call first is the probe.
"""
MARGIN_S = 0.5
"""A permission isn't used shortly before it ends: others must hear in time that it was."""
MOST_NEWS = 1000
"""Circuits of which something is to be told; what becomes of others meanwhile is dropped and counted."""


class News(NamedTuple):
    """What the others don't know yet of a circuit, beyond what can be seen of it now."""

    cleared: float | None = None
    closed: bool = False
    wants_to_probe: bool = False

    def and_then(self, later: News) -> News:
        """Return both as one."""
        return News(
            self.cleared if later.cleared is None else later.cleared,
            self.closed or later.closed,
            self.wants_to_probe or later.wants_to_probe,
        )


class Lease(NamedTuple):
    """Until when one process alone may probe: this one, which doesn't do so yet, or another."""

    mine: bool
    until: float


NOBODY: Final = Lease(mine=False, until=0.0)


class Sharing:
    """The watcher of this process's circuits. It waits for nobody; its owner carries the news to and fro.

    All of it happens under the lock of the circuits.
    """

    def __init__(self) -> None:
        self.dropped = 0
        """Changes that were never told because too much was to be told."""
        self.renew()

    def renew(self) -> None:
        """Begin with nothing to tell, and nobody to hear from."""
        self.connected = False
        """Whether the last exchange worked."""
        self._news: dict[CircuitKey, News] = {}
        self._sent: dict[CircuitKey, News] = {}
        self._leases: dict[CircuitKey, Lease] = {}
        self._asked: set[CircuitKey] = set()
        """Circuits for which the last exchange asked for a permission."""

    def probe_from(self, key: CircuitKey, half_open_since: float, now: float) -> float:
        if not self.connected:
            return now
        lease = self._leases.get(key, NOBODY)
        if now < lease.until:
            if not lease.mine:
                return lease.until
            del self._leases[key]
            return now
        if now - max(lease.until, min(half_open_since, now)) >= STRICT_S:
            return now
        self._note(key, News(wants_to_probe=True))
        return now + TURN_S

    def changed(self, key: CircuitKey) -> None:
        self._note(key, News())

    def cleared(self, key: CircuitKey, now: float, *, closed: bool) -> None:
        self._note(key, News(now, closed))

    def reports(self, local: InMemoryCircuits, now: float) -> list[Report]:
        """Return what is to be told now."""
        self._sent, self._news = self._news, {}
        told = [self._report(key, news, local.breakers.get(key), now) for key, news in self._sent.items()]
        self._asked = {report.key for report in told if report.wants_to_probe}
        return told

    def lost(self, local: InMemoryCircuits) -> None:
        """Keep for later what didn't arrive, and rely on nobody."""
        self.connected = False
        self._leases = {}
        later, self._news = self._news, self._sent
        for key, news in later.items():
            self._note(key, news)
        for breaker in local.breakers.values():
            breaker.others = 0

    def heard(self, local: InMemoryCircuits, all_heard: Sequence[Heard], sent: float) -> None:
        """Take over what others know. `sent` is when the exchange began: what is told is relative to that."""
        self.connected = True
        leases = {heard.key: self._lease(heard, local.breakers.get(heard.key), sent) for heard in all_heard}
        for heard in all_heard:
            self._take_over(local, heard, sent)
        for key in [key for key in local.breakers if key not in leases]:
            self._unknown_to_others(local, key, sent)
        self._leases = leases

    def _note(self, key: CircuitKey, news: News) -> None:
        known = self._news.get(key)
        if known is None and len(self._news) >= MOST_NEWS:
            self.dropped += 1
            return
        self._news[key] = news if known is None else known.and_then(news)

    def _report(self, key: CircuitKey, news: News, breaker: Breaker | None, now: float) -> Report:
        cleared = None if news.cleared is None else max(now - news.cleared, 0.0)
        if breaker is None:
            return Report(key, cleared=cleared, closed=news.closed)
        probe, span = breaker.probe, breaker.open
        lease = self._leases.get(key, NOBODY)
        return Report(
            key,
            breaker.rule,
            tuple(now - moment for moment in breaker.recent(now)),
            max(breaker.asked_until - now, 0.0),
            cleared,
            news.closed,
            None if span is None or span == breaker.known else (now - span.since, span.until - now),
            probe.until - now if probe is not None and probe.holds(now) else 0.0,
            news.wants_to_probe or (lease.mine and now < lease.until),
        )

    def _lease(self, heard: Heard, breaker: Breaker | None, sent: float) -> Lease:
        before = self._leases.get(heard.key, NOBODY)
        if heard.lease <= 0:
            return Lease(mine=False, until=min(before.until, sent))
        if not heard.mine:
            return Lease(mine=False, until=sent + heard.lease)
        if heard.key in self._asked and (breaker is None or breaker.probe is None):
            return Lease(mine=True, until=sent + heard.lease - MARGIN_S)
        return before if before.mine else NOBODY  # else it is the lease of this process's own probe

    def _take_over(self, local: InMemoryCircuits, heard: Heard, sent: float) -> None:
        breaker = local.breakers.get(heard.key)
        if breaker is not None:
            self._clear(heard, breaker, sent)
        span = Span(sent - heard.opened[0], sent + heard.opened[1]) if heard.opened else None
        if span is not None and self._closed_since(heard.key, span, sent):
            span = None
        if breaker is None and (span is not None or heard.others):
            breaker = local.found(heard.key, heard.rule)
        if breaker is None:
            return
        breaker.others = heard.others
        if span is not None and (
            breaker.open is None or breaker.open == breaker.known or breaker.open.until < span.until
        ):
            breaker.open = breaker.known = span
        self._drop_idle(local, heard.key, sent)

    def _clear(self, heard: Heard, breaker: Breaker, sent: float) -> None:
        """Forget what came before the latest success of any process."""
        breaker.failures = [one for one in breaker.failures if one > sent - heard.cleared]
        if heard.opened is not None or breaker.open is None:
            return
        if breaker.open.since <= sent - heard.closed:
            breaker.open = breaker.known = breaker.probe = None
            breaker.asked_until = 0.0
        elif breaker.open.holds(sent):
            breaker.known = None
            self.changed(heard.key)

    def _closed_since(self, key: CircuitKey, span: Span, now: float) -> bool:
        """Whether a success of this process, of which the others don't know yet, has closed the circuit."""
        news = self._news.get(key)
        return news is not None and news.cleared is not None and (news.closed or not span.holds(now))

    def _unknown_to_others(self, local: InMemoryCircuits, key: CircuitKey, now: float) -> None:
        """Tell the others again what the server has lost, if it still matters."""
        breaker = local.breakers[key]
        breaker.others, breaker.known = 0, None
        if breaker.recent(now) or (breaker.open is not None and breaker.open.holds(now)):
            self.changed(key)
        self._drop_idle(local, key, now)

    def _drop_idle(self, local: InMemoryCircuits, key: CircuitKey, now: float) -> None:
        """Forget a circuit that is as good as new; what became of it since `now` stands in the news."""
        breaker = local.breakers[key]
        if key not in self._news and breaker.open is None and not breaker.others and not breaker.recent(now):
            del local.breakers[key]
