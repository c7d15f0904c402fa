"""What failed calls become: whose key it was, one more attempt where that helps, never another payer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.errors import (
    InvalidRequest,
    PlatformKeyRejected,
    ProviderUnavailable,
    StreamBroken,
    UserKeyRejected,
)
from tests.llm.at_a_server import ADA, USERS_KEY, keys_seen, llm_service
from tests.servers.fixtures import server
from tests.servers.models import any_model, as_json, openai_events
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm import LLMService
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

__all__ = ["llm_service", "server"]


def failing(status: int, times: int = 99) -> Script:
    """Answer the first requests with an error, the later ones as a model would."""
    left = [times]

    def script(received: Received) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            return any_model(received)
        return Answer(as_json({"error": {"message": f"no: {USERS_KEY}"}}), status=status)

    return script


@pytest.mark.parametrize("status", [401, 402, 403])
def test_R9_a_refused_user_key_raises_whose_it_is_and_is_not_tried_on_the_platform(
    status: int, server: RunningServer, llm_service: LLMService
) -> None:
    server.script = failing(status)

    with pytest.raises(UserKeyRejected) as caught:
        llm_service.get_llm("summary", scope=ADA).invoke("hello")

    error = caught.value
    assert (error.provider, error.payer, error.status) == ("acme", "user", status)
    assert USERS_KEY not in str(error)
    assert keys_seen(server) == [f"Bearer {USERS_KEY}"], "one attempt, and none on the platform's bill"


def test_a_refused_platform_key_says_so(server: RunningServer, llm_service: LLMService) -> None:
    server.script = failing(401)

    with pytest.raises(PlatformKeyRejected, match="auth \\(HTTP 401\\) from provider 'acme'"):
        llm_service.get_llm("guard").invoke("hello")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_once_more(
    status: int, server: RunningServer, llm_service: LLMService
) -> None:
    server.script = failing(status, times=1)

    assert llm_service.get_llm("guard").invoke("hello").text == "Hello there"
    assert len(server.received) == 2


async def test_R10_attempts_belong_to_the_plan_and_not_to_the_sdks(
    server: RunningServer, llm_service: LLMService
) -> None:
    server.script = failing(503)

    for feature, attempts in (("guard", 2), ("chat", 3)):
        server.received.clear()
        with pytest.raises(ProviderUnavailable, match="overloaded") as caught:
            await llm_service.get_llm(feature).ainvoke("hello")
        assert len(server.received) == caught.value.attempts == attempts


def test_a_wrong_request_is_not_tried_again(server: RunningServer, llm_service: LLMService) -> None:
    server.script = failing(400)

    with pytest.raises(InvalidRequest, match="invalid_request"):
        llm_service.get_llm("guard").invoke("hello")
    assert len(server.received) == 1


def test_R13_a_stream_that_breaks_behind_its_first_chunk_is_not_begun_again(
    server: RunningServer, llm_service: LLMService
) -> None:
    server.script = lambda _: Answer(
        parts=openai_events()[:2], headers={"content-type": "text/event-stream"}, cut=True
    )
    heard: list[str] = []

    with pytest.raises(StreamBroken) as caught:
        heard.extend(chunk.text for chunk in llm_service.get_llm("guard").stream("hello"))

    assert caught.value.broken_by == "connection"
    assert caught.value.partial == "".join(heard) != ""
    assert len(server.received) == 1
