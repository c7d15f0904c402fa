"""One client serves all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import openai
import pytest

from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from tests.llm.providers.adapters import caller
from tests.servers.models import SSE, TEXT, WORDS, any_model, held_back, openai_events
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

THREADS = 30


def test_thirty_threads_at_once_are_all_answered(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    together = threading.Barrier(THREADS)

    def ask() -> str:
        together.wait(PATIENCE_S)
        return model.ask().text

    with ThreadPoolExecutor(THREADS) as threads:
        answers = [threads.submit(ask) for _ in range(THREADS)]
        assert [answer.result(PATIENCE_S) for answer in answers] == [TEXT] * THREADS
    assert server.connections <= THREADS


def test_connections_are_used_again(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    for secret in ("sk-a", "sk-b", "sk-c"):
        model.ask(secret)
    assert server.connections == 1


def test_connections_are_used_again_after_streams(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    """Also by an SDK that stops to read before HTTP's own end, if that has come."""
    model = caller(adapter, server.origin, transport)
    for _ in range(3):
        assert "".join(chunk.text for chunk in model.stream()) == TEXT
    assert server.connections == 1


def test_a_connection_whose_answer_has_more_to_come_isnt_used_again(transport: Transport) -> None:
    gate = Gate()
    with running(lambda _: Answer(parts=[*openai_events(), gate, b"more"], headers=SSE)) as server:
        model = caller(OpenAICompatibleAdapter(), server.origin, transport)
        assert "".join(chunk.text for chunk in model.stream()) == TEXT
        assert server.next_interruption() == 1
        assert transport.blocking_line().connections == 0


def test_a_connection_that_the_provider_closed_is_replaced(
    server: RunningServer, transport: Transport, adapter: ProtocolAdapter
) -> None:
    model = caller(adapter, server.origin, transport)
    model.ask()
    server.hang_up()
    server.next_ending()
    assert model.ask().text == TEXT
    assert server.connections == 2


def test_a_stream_that_was_cut_off_is_an_error(transport: Transport) -> None:
    half = b"".join(openai_events()[:2])

    def cut_off(_: Received) -> Answer:
        return Answer(half, headers={**SSE, "connection": "close"}, missing=100)

    with running(cut_off) as server:
        stream = caller(OpenAICompatibleAdapter(), server.origin, transport).stream()
        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_an_answer_without_a_length_ends_with_its_connection(transport: Transport) -> None:
    def says(received: Received) -> Answer:
        return Answer(any_model(received).body, headers={"connection": "close"}, missing=None)

    with running(says) as server:
        model = caller(OpenAICompatibleAdapter(), server.origin, transport)
        assert [model.ask().text, model.ask().text] == [TEXT, TEXT]
        assert server.connections == 2


def test_a_stream_arrives_as_it_is_sent(transport: Transport, adapter: ProtocolAdapter) -> None:
    gate = Gate()
    with running(partial(held_back, gate=gate)) as server:
        texts = []
        for chunk in caller(adapter, server.origin, transport).stream():
            gate.open()
            texts.append(chunk.text)
        assert "".join(texts) == "".join(WORDS)


def test_a_stream_that_is_closed_early_leaves_its_connection_at_once(
    transport: Transport, adapter: ProtocolAdapter
) -> None:
    with running(partial(held_back, gate=Gate())) as server:
        stream = caller(adapter, server.origin, transport).stream()
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        assert server.next_interruption() == 1
