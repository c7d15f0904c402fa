"""What is handed out for a request: small, its own, and as willing to stream as the caller left it."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from app.llm import RequestScope
from tests.llm.crowd import PROTOCOLS, QUESTION, container_at, key_of, user
from tests.servers.fixtures import server
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm import LLMService
    from tests.servers.running import RunningServer

__all__ = ["server"]

USERS = 500
MOST_BYTES = 2048


@pytest.fixture
def llm_service(server: RunningServer) -> Iterator[LLMService]:
    with container_at(server.origin) as container:
        yield container.llm_service()


def test_R7_a_user_who_waits_takes_less_than_two_kilobytes(llm_service: LLMService) -> None:
    def wait(numbers: range) -> list[object]:
        scopes = [RequestScope(f"user-{number}", {"gemini": key_of(number)}) for number in numbers]
        return [(scope, llm_service.get_llm("gemini", scope=scope)) for scope in scopes]

    first = wait(range(20))
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        waiting = first + wait(range(USERS))
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert held / (len(waiting) - len(first)) < MOST_BYTES


def test_R7_what_one_user_writes_on_a_model_no_other_user_sees(server: RunningServer) -> None:
    with container_at(server.origin) as container:
        container.callbacks.override(lambda _: [BaseCallbackHandler()])
        llm_service = container.llm_service()
    one, other = (llm_service.get_llm("gemini", scope=user(number)) for number in (1, 2))
    one.tags.append("mine")
    one.metadata["mine"] = "mine"
    one.callbacks.append(BaseCallbackHandler())
    one.name = "mine"
    third = llm_service.get_llm("gemini", scope=user(3))
    for model in (other, third):
        assert len(model.callbacks) == 1
        assert model.name is None
        assert "mine" not in (model.tags or [])
        assert "mine" not in (model.metadata or {})
        assert model.model_fields_set == set()


@pytest.mark.parametrize("feature", PROTOCOLS)
@pytest.mark.parametrize("cache_key", [None, "a-prompt"])
async def test_a_model_with_or_without_a_cache_key_streams_for_who_listens(
    llm_service: LLMService, feature: str, cache_key: str | None
) -> None:
    model = llm_service.get_llm(feature, scope=user(1), cache_key=cache_key)
    chain = RunnableLambda(model.invoke)
    events = [event async for event in chain.astream_events(QUESTION)]
    chunks = [event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream"]
    assert len(chunks) > 1
    assert "".join(chunks) == TEXT
