"""A failure holds no key: not its request, not its causes, not the frames that it passed."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.spec import Grant, origin_of
from tests.llm.providers.adapters import SECRET, caller, credential
from tests.servers.running import running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter
    from tests.servers.wire import Received


TESTS = Path(__file__).parents[2]


def everything_about(error: BaseException) -> Iterator[str]:
    """What an error reporter would show: texts, fields, requests, and the variables of every frame."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield f"{current!r} {current} {vars(current)!r}"
        yield repr(getattr(getattr(current, "request", None), "headers", None))
        yield from variables_of(current)
        pending += [current.__cause__, current.__context__]


def variables_of(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        if TESTS not in Path(trace.tb_frame.f_code.co_filename).parents:
            yield repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


OUR_OWN = {("llm", "clients")}
"""Where our files are, and their tests."""


def files_of(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename
        trace = trace.tb_next


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def cut_off(_: Received) -> Answer:
    return Answer(parts=[], cut=True)


def refused(_: Received) -> Answer:
    return Answer(b'{"error": {"message": "no"}}', status=401)


async def failures(transport: Transport, adapter: ProtocolAdapter, origin: str) -> list[BaseException]:
    model = caller(adapter, origin, transport)
    with pytest.raises(Exception) as blocking:  # noqa: PT011 - each SDK has its own kind
        model.ask()
    with pytest.raises(Exception) as awaiting:  # noqa: PT011 - each SDK has its own kind
        await model.aask()
    return [blocking.value, awaiting.value]


@pytest.mark.parametrize("script", [cut_off, refused])
async def test_of_an_answer(transport: Transport, adapter: ProtocolAdapter, script: object) -> None:
    with running(script) as server:  # type: ignore[arg-type]
        for failure in await failures(transport, adapter, server.origin):
            assert SECRET not in "".join(everything_about(failure))
        assert len(server.received) == 2


class Interrupted(BaseException):
    """What no library expects in the middle of an answer: a key press, a shutdown."""


async def test_of_an_interruption_in_the_middle_of_an_answer(transport: Transport) -> None:
    rest = Gate()
    with running(lambda _: Answer(parts=[b"first", rest])) as server:
        grant = Grant(credential(), origin_of(server.origin), "bearer")
        with transport.ticket(grant) as ticket:
            headers = {TICKET_HEADER: ticket}
            with transport.client().stream("POST", server.origin, headers=headers) as answer:
                stream: Any = answer.stream
                parts = iter(stream)
                assert next(parts) == b"first"
                with pytest.raises(Interrupted) as blocking:
                    parts.throw(Interrupted())
            async with transport.async_client().stream("POST", server.origin, headers=headers) as late:
                stream = late.stream
                arriving = aiter(stream)
                assert await anext(arriving) == b"first"
                with pytest.raises(Interrupted) as awaiting:
                    await arriving.athrow(Interrupted())
        rest.open()
    for failure in (blocking.value, awaiting.value):
        assert {Path(file).parts[-3:-1] for file in files_of(failure)} <= OUR_OWN
        assert SECRET not in "".join(everything_about(failure))


async def test_of_a_connection(transport: Transport, adapter: ProtocolAdapter) -> None:
    for failure in await failures(transport, adapter, f"http://127.0.0.1:{free_port()}"):
        assert SECRET not in "".join(everything_about(failure))
