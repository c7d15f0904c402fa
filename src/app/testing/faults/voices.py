"""The voices by wire protocol, and the pieces in which an answer leaves the server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from app.testing.faults.anthropic_voice import AnthropicVoice
from app.testing.faults.gemini_voice import GeminiVoice
from app.testing.faults.openai_voice import OpenAIVoice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.testing.faults.asked import Asked, Protocol
    from app.testing.faults.speech import Event, Saying, Voice

VOICES: Final[Mapping[Protocol, Voice]] = {
    "openai_compatible": OpenAIVoice(),
    "gemini": GeminiVoice(),
    "anthropic": AnthropicVoice(),
}
STREAMED: Final = {"content-type": "text/event-stream"}


@dataclass(frozen=True, slots=True)
class Wait:
    """Silence, in seconds of the clock, and no longer than the client stays."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What leaves the server: `parts` one after the other, as chunks or as one body of known length.

    `ending`: whole; cut off without the end that HTTP prescribes; or the connection is reset.
    """

    parts: tuple[bytes | Wait, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    ending: Literal["whole", "cut", "reset"] = "whole"


def said(asked: Asked, saying: Saying) -> Answer:
    """Return an answer in the way that was asked for."""
    if asked.stream:
        return streamed(event.data for event in events_of(asked, saying))
    return Answer((whole(asked, saying),))


def whole(asked: Asked, saying: Saying) -> bytes:
    """Return the body of an answer that isn't streamed."""
    return json.dumps(VOICES[asked.protocol].whole(asked, saying)).encode()


def events_of(asked: Asked, saying: Saying) -> list[Event]:
    """Return the events of an answer that is streamed."""
    return list(VOICES[asked.protocol].events(asked, saying))


def streamed(parts: Iterable[bytes | Wait], ending: Literal["whole", "cut"] = "whole") -> Answer:
    """Return an answer in chunks."""
    return Answer(tuple(parts), headers=STREAMED, chunked=True, ending=ending)
