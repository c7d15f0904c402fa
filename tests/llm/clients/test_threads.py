"""One client serves all threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from tests.llm.providers.adapters import caller
from tests.servers.models import TEXT, WORDS, held_back
from tests.servers.running import PATIENCE_S, running
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.running import RunningServer

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
