"""Whoever gives up a request, by a task, a block or a key press, closes its connection at once."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.llm.clients.door import TICKET_HEADER
from tests.llm.clients.asking import awhole, patience, streamed, ticket_at, whole
from tests.llm.clients.peers import nobody_accepts, peer
from tests.llm.clients.phases import HALF, PHASES, nothing_is_under_way, until
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.clients.transport import Transport
    from tests.llm.clients.asking import Ask
    from tests.llm.clients.peers import Manner


@PHASES
async def test_a_task_that_is_cancelled_closes_its_connection_at_once(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        call = asyncio.create_task(awhole(transport, ticket_at(transport, url, patience()), url, body))
        assert await asyncio.to_thread(one.was_reached)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(one.was_left)
        assert (await transport.awaiting_line().sessions.current()).usage.under_way == 0


@PHASES
async def test_a_block_that_ends_ends_what_other_tasks_do_under_it(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        with ticket_at(transport, url) as text:
            client = transport.async_client()
            call = asyncio.create_task(client.post(url, headers={TICKET_HEADER: text}, content=body))
            assert await asyncio.to_thread(one.was_reached)
        with pytest.raises(httpx2.NetworkError):
            await call
        assert await asyncio.to_thread(one.was_left)


@PHASES
def test_a_block_that_ends_ends_what_other_threads_do_under_it(
    transport: Transport, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one, ThreadPoolExecutor(1) as threads:
        url = f"{scheme}://{one.authority}"
        with ticket_at(transport, url) as text:
            post = partial(transport.client().post, url, headers={TICKET_HEADER: text}, content=body)
            call = threads.submit(contextvars.copy_context().run, post)
            assert one.was_reached()
        with pytest.raises(httpx2.NetworkError):
            call.result(PATIENCE_S)
        assert one.was_left()
        nothing_is_under_way(transport)


def test_a_block_that_ends_ends_what_another_thread_reads_on(transport: Transport) -> None:
    with peer(HALF) as one, ThreadPoolExecutor(1) as threads:
        with ticket_at(transport, one.origin) as text:
            client = transport.client()
            request = client.build_request("POST", one.origin, headers={TICKET_HEADER: text})
            answer = client.send(request, stream=True)
            parts = answer.iter_raw()
            next(parts)
            rest = threads.submit(list, parts)
            until(answer.stream._reading.locked)  # type: ignore[union-attr]  # noqa: SLF001 - it waits, then
        with pytest.raises(httpx2.ReadError):
            rest.result(PATIENCE_S)
        assert one.was_left()
        nothing_is_under_way(transport)


def press_ctrl_c(when: Callable[[], bool]) -> threading.Thread:
    """Interrupt the main thread as soon as something holds."""

    def press() -> None:
        assert when()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    presses = threading.Thread(target=press)
    presses.start()
    return presses


@pytest.mark.parametrize("ask", [whole, streamed])
@PHASES
def test_ctrl_c_closes_the_connection_at_once(
    transport: Transport, ask: Ask, scheme: str, manner: Manner, body: bytes
) -> None:
    with peer(manner) as one:
        url = f"{scheme}://{one.authority}"
        presses = press_ctrl_c(one.was_reached)
        with pytest.raises(KeyboardInterrupt):
            ask(transport, ticket_at(transport, url, patience()), url, body)
        presses.join()
        assert one.was_left()
        nothing_is_under_way(transport)


def test_ctrl_c_ends_the_opening_of_a_connection(transport: Transport) -> None:
    def opening() -> bool:
        until(lambda: transport.blocking_line().connections)
        return True

    with nobody_accepts() as one:
        presses = press_ctrl_c(opening)
        with pytest.raises(KeyboardInterrupt):
            whole(transport, ticket_at(transport, one.origin, patience()), one.origin)
        presses.join()
        assert transport.blocking_line().connections == 0
