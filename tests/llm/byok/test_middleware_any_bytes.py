"""Whatever bytes come as headers: never a 500, and never a key in an answer or in the log."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.llm.byok.asgi import behind
from tests.llm.byok.enrolment.peppers import policy

if TYPE_CHECKING:
    from app.llm import Enrolment
    from app.llm.byok.refusals import Message, Receive, Send

CANARY = b"sk-canary"
PREFIX = st.sampled_from([b"x-byok-", b"X-BYOK-", b"X-Byok-", b"x-byok", b""])
ENDPOINT = [b"endpoint-url", b"endpoint-model", b"endpoint-key"]
NAME = st.sampled_from([b"acme", b"Nova", *ENDPOINT, b"nobody", b""])
HEADER_NAME = st.builds(bytes.__add__, PREFIX, NAME | st.binary(max_size=12))
VALUE = st.builds(
    lambda before, after, long: before + CANARY + after + b"k" * long,
    st.binary(max_size=6),
    st.binary(max_size=6),
    st.sampled_from([0, 0, 5000]),
)
URL = st.builds(lambda host: b"https://" + CANARY + host, st.binary(max_size=12))
HEADERS = st.lists(st.tuples(HEADER_NAME, VALUE | URL | st.binary(max_size=8)), max_size=6)


class Conversation:
    """One request, as a server would lead it: what came back, and whether the application was reached."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.reached: list[Message] = []

    async def app(self, scope: Message, receive: Receive, send: Send) -> None:
        self.reached.append(scope)

    async def receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


def request(kind: str, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": kind, "path": "/", "headers": [(b"x-user", b"ada"), *headers]}


def enrolled() -> Enrolment:
    mine = policy()
    mine.enrol("ada", "acme", "sk-another")
    return mine


@pytest.mark.parametrize("bad", ["refuse", "drop"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
@given(headers=HEADERS)
@example(headers=[(b"x-byok-acme", CANARY)])
@example(headers=[(b"x-byok-endpoint-url", b"https://" + CANARY)])
@example(headers=[(b"x-byok-" + name, CANARY) for name in ENDPOINT])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_R6_whatever_bytes_come_the_answer_is_the_applications_or_a_refusal_without_a_key(
    caplog: pytest.LogCaptureFixture,
    kind: str,
    bad: Literal["refuse", "drop"],
    headers: list[tuple[bytes, bytes]],
) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    for one in (None, enrolled()):
        heard = Conversation()
        app = behind(heard.app, one, bad=bad, endpoints=True)
        asyncio.run(app(request(kind, headers), heard.receive, heard.send))
        assert bool(heard.reached) != bool(heard.sent)
        assert heard.reached or refused_properly(heard.sent, kind)
        assert CANARY.decode() not in caplog.text
        assert not any(name.lower().startswith(b"x-byok-") for name, _ in headers_of(heard))


def headers_of(heard: Conversation) -> list[tuple[bytes, bytes]]:
    return [header for scope in heard.reached for header in scope["headers"]]


def refused_properly(sent: list[Message], kind: str) -> bool:
    first, last = sent
    assert CANARY.decode() not in str(sent)
    if kind == "websocket":
        return first["type"] == "websocket.accept" and last["code"] in {4400, 4003}
    error = json.loads(last["body"])["error"]
    return first["status"] in {400, 403} and {"type", "message"} <= set(error)
