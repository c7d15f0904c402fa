"""How much a user's own endpoint may answer, and how long it may take: over threads and loops alike."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from app.errors import UserEndpointRefused
from app.llm.clients.guard.answers import LONGEST_EXCHANGE_S, Meter, shortest
from tests.llm.clients.guard.asking import EVERY_WAY, LIMIT, refused
from tests.llm.clients.guard.own_endpoints import (
    FEATURE,
    at,
    guard,
    service_with,
)
from tests.servers.models import SSE, TEXT, any_model, openai_body, openai_events
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.language_models import BaseChatModel

    from tests.servers.wire import Received


@EVERY_WAY
def test_an_answer_that_says_it_is_too_long_isnt_read(ask: Callable[[BaseChatModel], str]) -> None:
    assert "longer than 4096 bytes" in refused(Answer(openai_body("x" * 5000)), ask)


@EVERY_WAY
def test_an_answer_that_turns_out_too_long_is_broken_off(ask: Callable[[BaseChatModel], str]) -> None:
    events = openai_events(["word "] * 100)
    assert "longer than 4096 bytes" in refused(Answer(parts=events, headers=SSE), ask)


def test_one_address_isnt_waited_for_as_long_as_a_whole_request() -> None:
    assert (shortest(None), shortest(120.0), shortest(2.0)) == (10.0, 10.0, 2.0)


@EVERY_WAY
def test_headers_without_end_are_refused(ask: Callable[[BaseChatModel], str]) -> None:
    many = {f"x-{number}": "x" * 8000 for number in range(12)}
    assert "headers" in refused(Answer(openai_body(), headers=many), ask)


def test_an_answer_that_trickles_ends_with_its_time() -> None:
    now = [0.0]
    meter = Meter(LIMIT, clock=lambda: now[0])
    meter.sending()
    assert meter.time_left(None) == LONGEST_EXCHANGE_S
    now[0] = LONGEST_EXCHANGE_S - 1
    assert meter.time_left(5.0) == 1.0
    now[0] += 1
    with pytest.raises(UserEndpointRefused, match="took longer"):
        meter.time_left(5.0)
    meter.arrived(b"HTTP/1.1 200 OK\r\n\r\n")
    meter.sending()
    assert meter.time_left(5.0) == 5.0


def test_an_answer_of_nothing_but_frame_is_broken_off() -> None:
    meter = Meter(LIMIT)
    meter.sending()
    with pytest.raises(UserEndpointRefused, match="more frame than content"):
        all(meter.arrived(b"HTTP/1.1 103 Early Hints\r\n\r\n") for _ in range(10_000))


@EVERY_WAY
def test_answers_before_the_answer_have_an_end(ask: Callable[[BaseChatModel], str]) -> None:
    flood = Answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, status=103)
    assert "more frame than content" in refused(flood, ask)


@EVERY_WAY
def test_a_body_of_short_chunks_has_an_end(ask: Callable[[BaseChatModel], str]) -> None:
    short = Answer(parts=[b" "] * 30_000)
    allowing = guard(loopback=True, response_limit=32_000)
    with running(lambda _: short) as endpoint, service_with(allowing) as service:
        model = service.get_llm(FEATURE, scope=at(endpoint.origin))
        with pytest.raises(UserEndpointRefused, match="more frame than content"):
            ask(model)


@EVERY_WAY
def test_what_is_counted_begins_anew_with_each_request(ask: Callable[[BaseChatModel], str]) -> None:
    def much(received: Received) -> Answer:
        plain = any_model(received)
        return dataclasses.replace(plain, headers={**plain.headers, "x-much": "x" * 40_000})

    with running(much) as endpoint, service_with(guard(loopback=True, response_limit=LIMIT)) as service:
        model = service.get_llm(FEATURE, scope=at(endpoint.origin))
        for _ in range(4):
            assert ask(model) == TEXT
