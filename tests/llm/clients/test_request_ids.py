"""What a provider calls a request is in the record of its attempt, unless a key could be in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.failures.request_ids import request_id_of
from tests.llm.failures.calling import ADA, PROTOCOLS, USERS_KEY, service_at
from tests.servers.models import any_model
from tests.servers.running import running

if TYPE_CHECKING:
    from tests.servers.wire import Answer, Received


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_answer_in_every_way_to_call_says_how_its_provider_calls_the_request(protocol: str) -> None:
    def script(received: Received) -> Answer:
        answer = any_model(received)
        return replace(answer, headers={**answer.headers, "X-Request-Id": "req-42"})

    with running(script) as server, service_at(server) as service:
        llm = service.get_llm(protocol, scope=ADA)
        chunks: list[Any] = list(llm.stream("hello"))
        whole = [llm.invoke("hello"), await llm.ainvoke("hello"), sum(chunks[1:], start=chunks[0])]
        for answer in whole:
            (attempt,) = answer.response_metadata["pointsman"]["attempts"]
            assert attempt["request_id"] == "req-42"


@given(st.integers(0, len(USERS_KEY) - 12), st.integers(12, 30), st.text("abc-9", max_size=9))
def test_R17_an_id_that_holds_a_piece_of_the_key_is_none(start: int, size: int, beside: str) -> None:
    piece = USERS_KEY[start : start + size]
    for said in (piece, piece.upper()):
        assert request_id_of([(b"X-Request-Id", f"{beside}{said}".encode())], USERS_KEY) is None


@pytest.mark.parametrize("said", ["two words", "", "a" * 65, "<html>"])
def test_what_does_not_look_like_an_id_is_none(said: str) -> None:
    assert request_id_of([(b"x-request-id", said.encode())], None) is None
