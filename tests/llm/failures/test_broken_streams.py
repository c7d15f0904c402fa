"""A stream that breaks behind its first chunk says what had arrived; before it, it failed like any call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import ContentFiltered, ProviderUnavailable, StreamBroken
from tests.llm.failures.calling import ADA, PROTOCOLS, WAYS, failure_of
from tests.llm.failures.wordings import ANTHROPIC, GEMINI, OPENAI
from tests.servers.models import (
    SSE,
    anthropic_events,
    event,
    gemini_events,
    openai_events,
)
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm import LLMService
    from tests.servers.running import RunningServer

STREAMED = WAYS[2:]
BEGINNING = {
    OPENAI: openai_events()[:2],
    ANTHROPIC: anthropic_events()[:4],
    GEMINI: gemini_events()[:2],
}
"""The events of "Hello "."""
ERRORS: dict[str, tuple[dict[str, Any], str | None]] = {
    OPENAI: ({"error": {"code": 502, "message": "down"}}, None),
    ANTHROPIC: ({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, "error"),
    GEMINI: ({"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}, None),
}


async def broken(service: LLMService, protocol: str, way: str) -> StreamBroken:
    error = await failure_of(service, protocol, way, ADA)
    assert type(error) is StreamBroken, f"{way}: {error!r}"
    return error


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R13_a_connection_that_breaks_keeps_the_text_that_had_arrived(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: Answer(parts=BEGINNING[protocol], headers=SSE, cut=True)
    for way in STREAMED:
        provider.received.clear()
        error = await broken(service, protocol, way)
        assert (error.partial, error.broken_by) == ("Hello ", "connection")
        assert (error.failure_class, error.http_status) == ("stream_broken", 502)
        assert not hasattr(error, "usage_metadata")
        assert len(provider.received) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R13_so_does_an_error_in_the_middle(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    value, name = ERRORS[protocol]
    provider.script = lambda _: Answer(parts=[*BEGINNING[protocol], event(value, name)], headers=SSE)
    for way in STREAMED:
        error = await broken(service, protocol, way)
        assert (error.partial, error.broken_by) == ("Hello ", "overloaded")
        assert "Hello" not in f"{error} {error!r} {error.to_dict()}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R13_so_does_an_event_that_cannot_be_read(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    unreadable = b"event: content_block_delta\ndata: {nope\n\n"
    provider.script = lambda _: Answer(parts=[*BEGINNING[protocol], unreadable], headers=SSE)
    for way in STREAMED:
        error = await broken(service, protocol, way)
        assert (error.partial, error.broken_by) == ("Hello ", "malformed_response")


async def test_a_filter_in_the_middle_is_still_a_filter(provider: RunningServer, service: LLMService) -> None:
    blocked = event({"promptFeedback": {"blockReason": "SAFETY"}})
    provider.script = lambda _: Answer(parts=[*BEGINNING[GEMINI], blocked], headers=SSE)
    for way in STREAMED:
        assert type(await failure_of(service, GEMINI, way)) is ContentFiltered


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_that_breaks_before_it_begins_is_a_connection_that_broke(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: Answer(parts=[], headers=SSE, cut=True)
    for way in STREAMED:
        error = await failure_of(service, protocol, way)
        assert type(error) is ProviderUnavailable, f"{way}: {error!r}"
