"""The recording server, and the answers of the three protocols."""

from __future__ import annotations

import httpx2
import pytest

from app.testing.answers import reply_of
from app.testing.servers import Reply, Seen, recording


def test_a_server_remembers_what_it_was_sent() -> None:
    with recording(lambda seen: Reply(seen.body, 201, {"x-by": "test"})) as server:
        answer = httpx2.post(
            f"{server.origin}/here?a=1", content=b"hello", headers={"X-A": "b"}, trust_env=False
        )
    assert (answer.status_code, answer.content, answer.headers["x-by"]) == (201, b"hello", "test")
    seen = server.received[0]
    assert (seen.method, seen.target, seen.header("x-a"), seen.header("x-b")) == (
        "POST",
        "/here?a=1",
        "b",
        None,
    )


def test_an_answer_can_break_off() -> None:
    with (
        recording(lambda _: Reply(b"hello", cut=True)) as server,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        httpx2.get(server.origin, trust_env=False)


@pytest.mark.parametrize("protocol", ["openai_compatible", "gemini", "anthropic"])
def test_each_protocol_has_its_answers(protocol: str) -> None:
    reply = reply_of(protocol)
    assert reply is not None
    whole = reply(Seen("POST", "/v1/models/m:generateContent", (), b"{}"))
    streamed = reply(Seen("POST", "/v1/models/m:streamGenerateContent", (), b'{"stream": true}'))
    assert b"Here it belongs." in whole.body
    assert b"data: " in streamed.body


def test_an_unknown_protocol_has_none() -> None:
    assert reply_of("telepathy") is None
