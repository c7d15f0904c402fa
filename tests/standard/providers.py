"""One address where three providers listen: each speaks its own protocol, and takes its own key only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tests.servers.models import SSE, as_json
from tests.servers.wire import Answer
from tests.standard import anthropic_protocol, gemini_protocol, openai_protocol
from tests.standard.judging import Malformed
from tests.standard.thinking import think

if TYPE_CHECKING:
    from tests.servers.wire import Received
    from tests.standard.thinking import Asked, Reply


class Spoken(Protocol):
    """A wire protocol, from the provider's side."""

    PATH: str
    KEY_HEADER: str
    KEY_PREFIX: str

    def read(self, received: Received) -> Asked: ...
    def whole(self, asked: Asked, reply: Reply) -> dict[str, Any]: ...
    def streamed(self, asked: Asked, reply: Reply, body: dict[str, Any]) -> list[bytes]: ...
    def error(self, message: str, status: int) -> dict[str, Any]: ...


OPENAI_KEY, ANTHROPIC_KEY, GEMINI_KEY = "sk-openai-made-up", "sk-ant-made-up", "AI-gemini-made-up"
LISTENING: tuple[tuple[Spoken, str], ...] = (
    (openai_protocol, OPENAI_KEY),
    (anthropic_protocol, ANTHROPIC_KEY),
    (gemini_protocol, GEMINI_KEY),
)


def answered(received: Received) -> Answer:
    """Answer as the provider would whose path was asked for."""
    path = received.target.partition("?")[0]
    for protocol, key in LISTENING:
        if path.startswith(protocol.PATH):
            return spoken(protocol, key, received)
    return Answer(as_json({"error": {"message": f"nothing at {path}"}}), status=404)


def spoken(protocol: Spoken, key: str, received: Received) -> Answer:
    """Answer in a protocol; what the protocol doesn't allow is refused with the reason."""
    if received.header(protocol.KEY_HEADER) != protocol.KEY_PREFIX + key:
        return Answer(as_json(protocol.error("this key is not known", 401)), status=401)
    try:
        asked = protocol.read(received)
    except (Malformed, KeyError) as problem:
        return Answer(as_json(protocol.error(f"refused: {problem}", 400)), status=400)
    reply = think(asked)
    body = received.json
    if body.get("stream") or ":streamGenerateContent" in received.target:
        return Answer(parts=protocol.streamed(asked, reply, body), headers=SSE)
    return Answer(as_json(protocol.whole(asked, reply)))
