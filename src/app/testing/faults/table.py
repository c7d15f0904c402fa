"""The faults: what goes wrong on a bad day, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from app.testing.faults import playing
from app.testing.faults.playing import Moment, failing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.testing.faults.asked import Asked
    from app.testing.faults.voices import Answer

Need = Literal["stream", "tool", "schema"]
OK: Final = "ok"
REFUSED: Final = "connect_refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can go wrong. `needs` says for which calls only.

    `breaks`: a stream that has begun ends before its time. `wait_s`: how long the provider asks to wait, in
    seconds. `unseen`: no request arrives.
    """

    name: str
    about: str
    answer: Callable[[Asked, Moment], Answer]
    needs: Need | None = None
    breaks: bool = False
    wait_s: float = 0.0
    unseen: bool = False


SOON_S, LATE_S = 2.0, 3600.0
"""Seconds after which a provider wants to be asked again: within any deadline, and beyond it."""

TABLE: Final = (
    Fault(OK, "no fault: an answer that is what was asked for", playing.fine),
    # ---------------------------------------------------------------- limits
    Fault("rate_limited", "429 that doesn't say when to come back", failing("rate_limited")),
    Fault(
        "rate_limited_seconds",
        f"429 with Retry-After: {SOON_S:g}",
        partial(playing.limited, "seconds", SOON_S),
        wait_s=SOON_S,
    ),
    Fault(
        "rate_limited_date",
        "429 with Retry-After: a date",
        partial(playing.limited, "date", SOON_S),
        wait_s=SOON_S,
    ),
    Fault(
        "rate_limited_reset",
        "429 with the moment of its reset (x-ratelimit-reset-*, RetryInfo)",
        partial(playing.limited, "reset", SOON_S),
        wait_s=SOON_S,
    ),
    Fault(
        "rate_limited_long",
        f"429 with Retry-After: {LATE_S:g}, beyond the deadline",
        partial(playing.limited, "seconds", LATE_S),
        wait_s=LATE_S,
    ),
    # ---------------------------------------------------------------- the provider is broken
    Fault("server_error", "500", failing("server_error")),
    Fault("unavailable", "503", failing("unavailable")),
    Fault("overloaded", "529 (Gemini: 503)", failing("overloaded")),
    Fault("proxy_page", "502 with a proxy's page of HTML", playing.proxy_page),
    Fault(REFUSED, "nobody listens at its address", playing.reset, unseen=True),
    Fault("connection_reset", "the connection is reset instead of an answer", playing.reset),
    # ---------------------------------------------------------------- keys and money
    Fault("bad_key", "401 (Gemini: 400): the key is none", failing("bad_key")),
    Fault("unpaid", "402 (Gemini: 403): nobody has paid", failing("unpaid")),
    Fault("forbidden", "403: the key may not do this", failing("forbidden")),
    # ---------------------------------------------------------------- time, and ends before the end
    Fault("slow_first_token", "accepted, and then silence before any content", playing.slow),
    Fault("stall", "silence in the middle of the answer", playing.stalled, breaks=True),
    Fault("cut", "the connection is closed in the middle of the answer", playing.cut, breaks=True),
    Fault("cut_after_finish", "closed behind the finish reason", playing.cut_after_finish, needs="stream"),
    Fault(
        "no_finish", "ends cleanly, without a finish reason", playing.unfinished, needs="stream", breaks=True
    ),
    # ---------------------------------------------------------------- answers that can't be used
    Fault("bad_json", "200 with JSON that breaks off", playing.bad_json),
    Fault("empty_body", "200 with nothing in it", playing.empty),
    Fault(
        "bad_tool_arguments",
        "a tool's call whose arguments can't be read",
        playing.bad_arguments,
        needs="tool",
    ),
    Fault("schema_violation", "an answer of another schema", playing.violating, needs="schema"),
    Fault("filtered_answer", "an answer that the rules about content cut off", playing.filtered),
    # ---------------------------------------------------------------- the request itself
    Fault("context_overflow", "400 (or 413): too long for the model", failing("context_overflow")),
    Fault("content_filter", "400 (Gemini: a block reason): the prompt is refused", playing.blocked),
    Fault("invalid_request", "400: the request is wrong", failing("invalid_request")),
    Fault("not_found", "404: no such model", failing("not_found")),
)
FAULTS: Final[Mapping[str, Fault]] = {fault.name: fault for fault in TABLE}
"""All of them by name, the answer without a fault among them."""
