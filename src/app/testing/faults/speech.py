"""What a model says, and the port of the voices that say it in a wire protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from app.testing.faults.instances import instance_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.testing.faults.asked import Asked

Finish = Literal["done", "called", "filtered", "malformed"]
"""How an answer ends: it is done, it calls a tool, rules about content cut it off, its call can't be read."""
TEXT = ("Every point is set, ", "and the train ", "takes its own track.")
READ, WRITTEN = 1000, 100
"""Tokens of every answer, so that prices can be compared."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What a model says, in pieces: a text, or the arguments of a tool's call as JSON.

    `finish` None: it ends without saying why.
    """

    pieces: tuple[str, ...]
    tool: str = ""
    finish: Finish | None = "done"


Holds = Literal["opening", "content", "finish", "rest"]


class Event(NamedTuple):
    """One server-sent event, and what it holds of an answer."""

    data: bytes
    holds: Holds


class Voice(Protocol):
    """How a wire protocol says things."""

    def whole(self, asked: Asked, saying: Saying) -> dict[str, Any]:
        """Return the answer as one JSON value."""
        ...

    def events(self, asked: Asked, saying: Saying) -> Iterator[Event]:
        """Yield the answer as a stream."""
        ...


def fitting(asked: Asked) -> Saying:
    """Return an answer that is what was asked for."""
    if asked.wish.kind == "text":
        return Saying(TEXT)
    written = json.dumps(instance_of(asked.wish.schema) if asked.wish.schema else {})
    half = len(written) // 2
    pieces = written[:half], written[half:]
    return Saying(pieces, asked.wish.tool, "called" if asked.wish.tool else "done")


def event(value: object, name: str = "") -> bytes:
    """Return one server-sent event."""
    return ((f"event: {name}\n" if name else "") + f"data: {json.dumps(value)}\n\n").encode()


def read(arguments: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return arguments as a value; a protocol that has no text of them has none that can't be read."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}
