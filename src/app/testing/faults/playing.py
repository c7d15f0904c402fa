"""How each fault is played: from what was asked to what leaves the server."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

from app.testing.faults.errors import BLOCKED, PROXY_PAGE, SAID, body_of
from app.testing.faults.speech import TEXT, Saying, event, fitting
from app.testing.faults.voices import Answer, Wait, events_of, said, streamed, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from app.testing.faults.asked import Asked
    from app.testing.faults.speech import Event

BROKEN = '{"id": "1", "choices": [{"index": 0, "mess'
BAD_GATEWAY = 502
VIOLATION = '{"nothing": "that was asked for"}'


@dataclass(frozen=True, slots=True)
class Moment:
    """When an answer is given (Unix seconds), and how many seconds of the clock a silence lasts."""

    unix: float
    silence_s: float


def fine(asked: Asked, moment: Moment) -> Answer:
    """Answer what was asked."""
    del moment
    return said(asked, fitting(asked))


def failing(kind: str) -> Callable[[Asked, Moment], Answer]:
    """Return what answers with an error of the protocol's own."""
    return partial(_failing, kind)


def _failing(kind: str, asked: Asked, moment: Moment) -> Answer:
    del moment
    what = SAID[asked.protocol][kind]
    return _refusal(what.status, body_of(asked.protocol, what))


def limited(how: Literal["seconds", "date", "reset"], wait_s: float, asked: Asked, moment: Moment) -> Answer:
    """Answer that there were too many requests, and say in one of three ways when to come back."""
    what, then = SAID[asked.protocol]["rate_limited"], datetime.fromtimestamp(moment.unix + wait_s, UTC)
    headers = {
        "seconds": {"retry-after": f"{wait_s:g}"},
        "date": {"retry-after": format_datetime(then, usegmt=True)},
        "reset": _reset(asked, wait_s, then),
    }[how]
    in_body = wait_s if how == "reset" else None
    return _refusal(what.status, body_of(asked.protocol, what, in_body), headers)


def _reset(asked: Asked, wait_s: float, then: datetime) -> dict[str, str]:
    """Return the headers that say when a limit is renewed; Gemini says it in the body."""
    if asked.protocol == "anthropic":
        name = "anthropic-ratelimit-requests"
        return {f"{name}-remaining": "0", f"{name}-reset": then.isoformat(timespec="seconds")}
    if asked.protocol == "gemini":
        return {}
    return {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{wait_s:g}s"}


def _refusal(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    return Answer((json.dumps(body).encode(),), status, headers or {})


def proxy_page(asked: Asked, moment: Moment) -> Answer:
    """Answer as a proxy does that can't reach the provider."""
    del asked, moment
    return Answer((PROXY_PAGE,), BAD_GATEWAY, {"content-type": "text/html"})


def reset(asked: Asked, moment: Moment) -> Answer:
    """Reset the connection."""
    del asked, moment
    return Answer(ending="reset")


def blocked(asked: Asked, moment: Moment) -> Answer:
    """Refuse the prompt by the rules about content."""
    if asked.protocol != "gemini":
        return _failing("content_filter", asked, moment)
    return streamed([event(BLOCKED)]) if asked.stream else _refusal(200, BLOCKED)


def slow(asked: Asked, moment: Moment) -> Answer:
    """Open the stream at once (a role, a ping), and say nothing before a long silence has passed."""
    wait, answer = Wait(moment.silence_s), fitting(asked)
    if not asked.stream:
        return Answer((wait, whole(asked, answer)))
    before, after = _parted(events_of(asked, answer), "opening")
    return streamed([*before, wait, *after])


def stalled(asked: Asked, moment: Moment) -> Answer:
    """Begin the answer, and be silent in the middle of it."""
    before, after = _halves(asked)
    parts: tuple[bytes | Wait, ...] = (*before, Wait(moment.silence_s), *after)
    return streamed(parts) if asked.stream else Answer(parts)


def cut(asked: Asked, moment: Moment) -> Answer:
    """Begin the answer, and close the connection in the middle of it."""
    del moment
    before, _ = _halves(asked)
    return streamed(before, "cut") if asked.stream else Answer(tuple(before), ending="cut")


def cut_after_finish(asked: Asked, moment: Moment) -> Answer:
    """Say everything up to the finish reason, and close the connection without HTTP's end."""
    del moment
    before, _ = _parted(events_of(asked, fitting(asked)), "finish")
    return streamed(before, "cut")


def unfinished(asked: Asked, moment: Moment) -> Answer:
    """Say everything but the finish reason, and end as HTTP prescribes."""
    del moment
    return said(asked, replace(fitting(asked), finish=None))


def bad_json(asked: Asked, moment: Moment) -> Answer:
    """Answer with JSON that breaks off, under a length that is right."""
    del moment
    broken = BROKEN.encode()
    return streamed([b"data: " + broken + b"\n\n"]) if asked.stream else Answer((broken,))


def empty(asked: Asked, moment: Moment) -> Answer:
    """Answer with a success, and nothing in it."""
    del moment
    return streamed([]) if asked.stream else Answer()


def bad_arguments(asked: Asked, moment: Moment) -> Answer:
    """Call the tool, with arguments that break off."""
    del moment
    written = "".join(fitting(asked).pieces)
    return said(asked, Saying((written[: len(written) // 2],), asked.wish.tool, "malformed"))


def violating(asked: Asked, moment: Moment) -> Answer:
    """Answer in JSON of another schema than the one that was asked for."""
    del moment
    return said(asked, replace(fitting(asked), pieces=(VIOLATION,)))


def filtered(asked: Asked, moment: Moment) -> Answer:
    """Begin a text, and end it because of the rules about content."""
    del moment
    return said(asked, Saying(TEXT[:1], finish="filtered"))


def _halves(asked: Asked) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return an answer in two halves; the first one of a stream ends with content."""
    answer = fitting(asked)
    if asked.stream:
        return _parted(events_of(asked, answer), "content")
    body = whole(asked, answer)
    half = len(body) // 2
    return [body[:half]], [body[half:]]


def _parted(events: Sequence[Event], behind: str) -> tuple[list[bytes], list[bytes]]:
    """Part events behind the first one of this sort, or of those that open a stream behind the last one."""
    places = list(_places(events, behind))
    end = 0 if not places else places[-1 if behind == "opening" else 0]
    return [one.data for one in events[:end]], [one.data for one in events[end:]]


def _places(events: Sequence[Event], holds: str) -> Iterator[int]:
    return (number for number, one in enumerate(events, 1) if one.holds == holds)
