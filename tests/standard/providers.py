"""One address where three providers listen: each speaks its own protocol, and takes its own key only."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from tests.servers.models import SSE, as_json
from tests.servers.wire import Answer
from tests.standard import anthropic_protocol, gemini_protocol, openai_protocol
from tests.standard.judging import Malformed
from tests.standard.thinking import think

if TYPE_CHECKING:
    from tests.servers.wire import Received

KEYS = {
    openai_protocol: "sk-openai-made-up",
    anthropic_protocol: "sk-ant-made-up",
    gemini_protocol: "AI-gemini-made-up",
}


def answered(received: Received) -> Answer:
    """Answer as the provider would whose path was asked for."""
    path = received.target.partition("?")[0]
    for protocol, key in KEYS.items():
        if path.startswith(protocol.PATH):
            return spoken(protocol, key, received)
    return Answer(as_json({"error": {"message": f"nothing at {path}"}}), status=404)


def spoken(protocol: ModuleType, key: str, received: Received) -> Answer:
    """Answer in a protocol; what the protocol doesn't allow is refused with the reason."""
    if received.header(protocol.KEY_HEADER) != protocol.KEY_PREFIX + key:
        return Answer(as_json(protocol.error("this key is not known", 401)), status=401)
    try:
        asked = protocol.read(received)
    except Malformed as problem:
        return Answer(as_json(protocol.error(str(problem), 400)), status=400)
    reply = think(asked)
    body = received.json
    if body.get("stream") or ":streamGenerateContent" in received.target:
        return Answer(parts=protocol.streamed(asked, reply, body), headers=SSE)
    return Answer(as_json(protocol.whole(asked, reply)))
