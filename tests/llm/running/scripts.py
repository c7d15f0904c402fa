"""What providers are scripted to do: an answer bit by bit, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Literal

import httpx2
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import FailureClass

Kind = Literal["role", "text", "finish", "usage"]
"""What a step of an answer brings; only a text is content."""
CANCELLED = "cancelled by the caller"
UNSAYABLE = "an argument that this SDK can't render"


class EofStream(Exception):
    """What an SDK raises over a stream that ended too early."""


class Unheard(Exception):
    """Something that nobody has a name for."""


class Refused(Exception):
    """An SDK's error over a provider's answer."""

    def __init__(self, status: int, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__("no")
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
        self.response = httpx2.Response(status, headers=headers)
        self.body = {"error": {"code": code}} if code else None


CLASS_OF: Mapping[str, FailureClass] = {
    "an SDK's own time-out": "timeout",
    "a reset": "connection",
    "a broken stream": "stream_broken",
    "bad JSON": "malformed_response",
    "a riddle": "unknown",
    "HTTP 429": "rate_limited",
    "HTTP 500": "overloaded",
    "HTTP 503": "overloaded",
    "HTTP 401": "auth",
    "HTTP 403": "permission",
    "HTTP 402": "quota",
    "HTTP 400": "invalid_request",
    "HTTP 413": "context_length",
    "HTTP 499": "cancelled",
    "a filter": "content_filter",
}
"""Each fault, and the class that it is of."""


def raised_by(fault: str, retry_after_s: float | None) -> Exception:
    """Return what an SDK raises for a fault."""
    if fault.startswith("HTTP "):
        return Refused(int(fault.removeprefix("HTTP ")), retry_after_s=retry_after_s)
    return {
        "an SDK's own time-out": TimeoutError(),
        "a reset": ConnectionResetError(104, "reset"),
        "a broken stream": EofStream(),
        "bad JSON": JSONDecodeError("no", "{", 0),
        "a riddle": Unheard(),
        "a filter": Refused(400, "content_filter"),
    }[fault]


@dataclass(frozen=True, slots=True)
class Step:
    """One chunk of a stream, so many seconds after the one before."""

    after_s: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Play:
    """What a provider does with one request. Asked for a whole answer, it takes as long as its stream would.

    `ending` is "done", "nothing" (an answer with nothing in it), CANCELLED, UNSAYABLE (nothing is sent), or
    the name of a fault.
    `fits`: what it says is of the schema, if there is one. Seconds.
    """

    steps: tuple[Step, ...]
    after_s: float = 0.0
    ending: str = "done"
    retry_after_s: float | None = None
    fits: bool = True

    @property
    def whole_s(self) -> float:
        """How long a whole answer takes."""
        return sum(step.after_s for step in self.steps) + self.after_s


GOOD = Play(
    (Step(0.25, "role"), Step(0.25, "text"), Step(0.0, "text"), Step(0.25, "finish"), Step(0.0, "usage"))
)

quick = st.sampled_from([0.0, 0.0, 0.25, 0.5])
pauses = quick | st.sampled_from([0.0, 1.0, 1.5, 2.5, 6.0, 12.0, 45.0])
any_steps = st.lists(
    st.builds(Step, pauses, st.sampled_from(["role", "text", "text", "finish", "usage"])), max_size=6
)
well_formed = st.builds(
    lambda first, more, last: (
        Step(first, "role"),
        *(Step(gap, "text") for gap in more),
        Step(last, "finish"),
    ),
    pauses,
    st.lists(pauses, max_size=4),
    quick,
)
steps = well_formed | any_steps.map(tuple)
retry_after = st.none() | st.sampled_from([0.0, 0.5, 2.0, 7.0, 90.0])
faults = st.sampled_from([*CLASS_OF, "HTTP 401", "HTTP 402", "HTTP 403", "HTTP 429", "HTTP 503"])
unsayable = st.builds(Play, st.just(()), st.just(0.0), st.just(UNSAYABLE))
at_once = st.builds(Play, st.just(()), quick, faults, retry_after)
plays = st.one_of(
    at_once,
    at_once,
    unsayable,
    st.builds(Play, well_formed, st.just(0.0), st.just("done"), st.none(), st.booleans()),
    st.builds(
        Play,
        steps,
        pauses,
        st.sampled_from(["done", "done", "nothing", CANCELLED, *CLASS_OF]),
        retry_after,
        st.booleans(),
    ),
)
