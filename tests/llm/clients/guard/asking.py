"""The four ways in which a model is asked, and what becomes of answers that aren't taken."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from app.errors import UserEndpointRefused
from tests.llm.clients.guard.own_endpoints import FEATURE, OWN_KEY, at, guard, service_with
from tests.servers.running import running

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.language_models import BaseChatModel

    from tests.servers.running import RunningServer
    from tests.servers.wire import Answer

LIMIT = 4096
"""Bytes that an answer may have in these tests."""


async def streamed_in_a_loop(model: BaseChatModel) -> str:
    return "".join([part.text async for part in model.astream("hi")])


ASKED = {
    "invoke": lambda model: model.invoke("hi").text,
    "ainvoke": lambda model: asyncio.run(model.ainvoke("hi")).text,
    "stream": lambda model: "".join(part.text for part in model.stream("hi")),
    "astream": lambda model: asyncio.run(streamed_in_a_loop(model)),
}
EVERY_WAY = pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)


def port_of(server: RunningServer) -> str:
    return server.origin.rpartition(":")[2]


def refused(answer: Answer, ask: Callable[[BaseChatModel], str]) -> str:
    """Return why an answer was refused."""
    with (
        running(lambda _: answer) as endpoint,
        service_with(guard(loopback=True, response_limit=LIMIT)) as own,
    ):
        with pytest.raises(UserEndpointRefused) as refusal:
            ask(own.get_llm(FEATURE, scope=at(endpoint.origin)))
        assert len(endpoint.received) == 1
        assert OWN_KEY not in str(refusal.value)
        return refusal.value.reason
