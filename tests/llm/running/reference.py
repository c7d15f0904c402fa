"""A small model of the rules, written apart from what it judges: what a call comes to, attempt by attempt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app import errors
from tests.llm.running.actors import EPSILON, Target, texts
from tests.llm.running.predictions import Heard, Prediction, Tried
from tests.llm.running.scripts import CANCELLED, CLASS_OF, GOOD, UNSAYABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.errors import FailureClass
    from app.llm.planning import Hop
    from tests.llm.running.predictions import Ask, Limits
    from tests.llm.running.scripts import Play
    from tests.llm.running.worlds import Actions

ERROR_OF: Mapping[FailureClass, type[errors.PointsmanError]] = {
    "timeout": errors.ProviderTimeout,
    "rate_limited": errors.RateLimited,
    "overloaded": errors.ProviderUnavailable,
    "connection": errors.ProviderUnavailable,
    "auth": errors.KeyRejected,
    "permission": errors.KeyRejected,
    "quota": errors.KeyRejected,
    "invalid_request": errors.InvalidRequest,
    "context_length": errors.ContextTooLong,
    "content_filter": errors.ContentFiltered,
    "malformed_response": errors.MalformedResponse,
    "stream_broken": errors.StreamBroken,
    "cancelled": errors.ModelCallFailed,
    "unknown": errors.ModelCallFailed,
}
OF_THE_KEY = {"auth", "permission", "quota"}
STILL_SAID_IN_A_STREAM = {*OF_THE_KEY, "invalid_request", "context_length", "content_filter"}
LEAST_S = 0.001
"""Seconds. With less left, nothing more is asked."""


@dataclass
class Reference:
    """One call, told by the rules."""

    hops: Sequence[Hop]
    actions: Actions
    limits: Limits
    ask: Ask
    scripts: Mapping[Target, Sequence[Play]]
    jitter: float
    now: float = 0.0
    seen: Prediction = field(default_factory=Prediction)
    last_said: str = ""
    latest: int = 0
    """Which of the attempts was the last one with a request."""

    def predict(self) -> Prediction:
        """Return what the call comes to."""
        at, tries, repairs = 0, 0, False
        last: tuple[Hop, Tried] | None = None
        while True:
            tries += 1
            hop = self.hops[at]
            tried = self._attempt(hop, tries, repairs=repairs)
            self.seen.attempts.append((hop.number, tried.outcome, tried.failure))
            if tried.outcome != "failed":
                return self._over(tried.outcome, hop, tried)
            going_on = self._next(at, tries, tried)
            if tried.sent:
                last, self.latest = (hop, tried), len(self.seen.attempts) - 1
            if going_on is None:
                return self._failed(*last) if last else self._mistaken()
            place, wait = going_on
            if wait and not self._waits(wait):
                return self._over("cancelled", None, None)
            repairs = place == at and tried.misfit
            at, tries = place, tries if place == at else 0

    # ------------------------------------------------------------------ one attempt

    def _attempt(self, hop: Hop, tries: int, *, repairs: bool) -> Tried:
        target = Target(hop.route.provider, hop.route.model, hop.payer)
        number = self.seen.asked.count(target)
        script = self.scripts.get(target, ())
        play = script[number] if number < len(script) else GOOD
        if play.ending == UNSAYABLE:
            return Tried("failed", "unknown", sent=False)
        said = texts(target, number, play, structured=self.ask.structured)
        self.seen.asked.append(target)
        self.seen.messages.append(1 if not repairs else 3 if self.last_said else 2)
        self.last_said = "".join(said)
        tried = self._stream(hop, play, said) if self.ask.streaming else self._whole(hop, play, said)
        asks_to_wait = play.ending.startswith("HTTP") and tried.failure == CLASS_OF[play.ending]
        return tried._replace(retry_after_s=play.retry_after_s if asks_to_wait else None)

    def _whole(self, hop: Hop, play: Play, said: list[str]) -> Tried:
        if not self._passes(play.whole_s, self.now + self._patience_s(hop)):
            return Tried("failed", "timeout")
        if play.ending == CANCELLED:
            return Tried("cancelled")
        if play.ending in CLASS_OF:
            return Tried("failed", CLASS_OF[play.ending])
        if play.ending == "nothing":
            return Tried("failed", "malformed_response")
        if self._misfits(play, said):
            return Tried("failed", "malformed_response", heard=tuple(said), misfit=True)
        return Tried("answered", heard=tuple(said))

    def _stream(self, hop: Hop, play: Play, said: list[str]) -> Tried:
        heard = Heard(self.now + (self.limits.first_token_s or self._patience_s(hop)))
        return self._listens(heard, play, said) or self._at_its_end(heard, play, said)

    def _listens(self, heard: Heard, play: Play, said: list[str]) -> Tried | None:
        """Hear a stream's chunks; None: until its end."""
        words = iter(said)
        for step in play.steps:
            if not self._passes(step.after_s, heard.until):
                return self._broken("timeout", heard, play, said)
            heard.finished = step.kind == "finish" or (heard.finished and step.kind != "text")
            heard.held.append(next(words) if step.kind == "text" else "")
            if step.kind == "text":
                heard.begun, heard.until = True, self.now + self.limits.chunk_s
            if heard.begun:
                heard.release()
                if self._stops(heard.handed):
                    return heard.ends("answered" if heard.finished else "abandoned")
        return None

    def _at_its_end(self, heard: Heard, play: Play, said: list[str]) -> Tried:
        if not self._passes(play.after_s, heard.until):
            return self._broken("timeout", heard, play, said)
        if play.ending == CANCELLED:
            return heard.ends("cancelled")
        if play.ending in CLASS_OF:
            return self._broken(CLASS_OF[play.ending], heard, play, said)
        if not heard.finished:
            return heard.ends("failed", "stream_broken" if play.steps else "malformed_response")
        if not self.ask.raw and self._misfits(play, said):
            return heard.ends("failed", "malformed_response")._replace(misfit=True)
        heard.release()
        return heard.ends("answered")

    def _broken(self, failure: FailureClass, heard: Heard, play: Play, said: list[str]) -> Tried:
        """Return what a stream comes to that breaks: behind its finish reason, nothing is missing."""
        if not (heard.begun and heard.finished):
            return heard.ends("failed", failure)
        lacks = self.ask.structured and "".join(said) != "".join(heard.handed)
        if not self.ask.raw and (lacks or self._misfits(play, said)):
            return heard.ends("failed", "malformed_response")
        return heard.ends("answered")

    def _stops(self, handed: list[str]) -> bool:
        return self.ask.stops_after is not None and len(handed) >= self.ask.stops_after

    def _misfits(self, play: Play, said: list[str]) -> bool:
        return self.ask.structured and not (play.fits and said)

    def _patience_s(self, hop: Hop) -> float:
        """Return how long the hop may take: each later one gets as much, if nobody wrote it down."""
        if hop.timeout_written:
            return hop.timeout_s
        return min(hop.timeout_s, self._left_s / (1 + len(self._later(hop.number - 1))))

    def _passes(self, seconds: float, until: float) -> bool:
        """Let time pass; False: it was more than there was."""
        left = max(0.0, min(until, self.limits.deadline_s) - self.now)
        self.now += min(seconds, left)
        return seconds <= left + EPSILON

    # ------------------------------------------------------------------ what comes next

    def _next(self, at: int, tries: int, tried: Tried) -> tuple[int, float] | None:
        """Return the place of the next hop and the seconds until it is asked; None: that was the last."""
        failure, hop = tried.failure, self.hops[at]
        if not tried.sent:  # what the first hop can't be asked is a mistake; a later one is passed over
            return self._first(iter(self._later(at))) if self.seen.asked else None
        assert failure is not None
        left = self.limits.attempts - len(self.seen.asked)
        if tried.begun or left <= 0 or self._left_s < LEAST_S:
            return None
        if hop.payer == "user" and failure in OF_THE_KEY:
            return self._first(
                place for place in range(at + 1, len(self.hops)) if self.hops[place].payer != "user"
            )
        action = self.actions[failure, hop.payer]
        if action == "raise":
            return None
        later = self._later(at)
        most = max(2, math.ceil(self.limits.attempts / len(self.hops)))
        wait = (tried.retry_after_s or 0.0) + self.jitter * min(8.0, 0.5 * 2 ** (tries - 1))
        if action == "retry" and tries < most and left > len(later) and wait < self._left_s - LEAST_S:
            return at, wait
        if action == "larger":
            known = hop.window or math.inf
            later = [place for place in later if (self.hops[place].window or 0) > known]
        return self._first(iter(later))

    @staticmethod
    def _first(places: object) -> tuple[int, float] | None:
        found = next(places, None)  # type: ignore[call-overload]
        return None if found is None else (found, 0.0)

    def _later(self, at: int) -> list[int]:
        return [
            place for place in range(at + 1, len(self.hops)) if self.hops[place].payer == self.hops[at].payer
        ]

    @property
    def _left_s(self) -> float:
        return self.limits.deadline_s - self.now

    def _waits(self, seconds: float) -> bool:
        self.seen.waits.append(seconds)
        if len(self.seen.waits) == self.ask.gives_up_at:
            return False
        self.now += seconds
        return True

    # ------------------------------------------------------------------ the end

    def _failed(self, hop: Hop, tried: Tried) -> Prediction:
        failure = tried.failure
        assert failure is not None
        if tried.misfit and self.ask.raw:
            self.seen.attempts[self.latest] = (hop.number, "answered", failure)
            self.seen.fits = False
            return self._over("answered", hop, tried)
        self.seen.error = ERROR_OF[failure]
        if tried.begun and failure not in STILL_SAID_IN_A_STREAM:
            self.seen.error = errors.StreamBroken
        return self._over("failed", None, tried)

    def _mistaken(self) -> Prediction:
        self.seen.mistake = True
        return self._over("failed", None, None)

    def _over(self, outcome: str, hop: Hop | None, tried: Tried | None) -> Prediction:
        self.seen.outcome, self.seen.seconds = outcome, self.now
        if hop is not None and outcome == "answered":
            self.seen.served_by = hop.number
        if tried is not None:
            self.seen.texts = tried.heard[: self.ask.stops_after]
        return self.seen
