"""A status of success is no answer yet: errors inside a body or a stream, pages, and what can't be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from app.errors import (
    ContentFiltered,
    MalformedResponse,
    ModelCallFailed,
    ProviderUnavailable,
    RateLimited,
    StreamBroken,
    UserKeyRejected,
)
from tests.llm.failures.calling import ADA, PROTOCOLS, WAYS, failure_of
from tests.llm.failures.wordings import ANTHROPIC, GEMINI, HTML, OPENAI
from tests.servers.models import SSE, as_json, event
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm import LLMService
    from tests.servers.running import RunningServer

WHOLE, STREAMED = WAYS[:2], WAYS[2:]


@dataclass(frozen=True)
class Case:
    """An answer with a status of success, and what it becomes."""

    name: str
    protocol: str
    ways: tuple[str, ...]
    answer: Answer
    kind: type[ModelCallFailed]
    status: int | None = None
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.protocol}: {self.name}"


def streamed(*values: object, name: str | None = None) -> Answer:
    return Answer(parts=[event(value, name) for value in values], headers=SSE)


def completion(finish_reason: object, **more: object) -> dict[str, object]:
    message = {"role": "assistant", "content": ""}
    choice = {"index": 0, "message": message, "delta": message, "finish_reason": finish_reason, **more}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


SAID = {"role": "assistant", "content": "Once"}
SLOW = {"error": {"code": 429, "message": "slow down"}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
EXPIRED = {"error": {"code": 401, "message": "no", "status": "UNAUTHENTICATED"}}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}

CASES = [
    Case("an error for a body", OPENAI, WHOLE, Answer(as_json(SLOW)), RateLimited, 429),
    Case("an error for an event", OPENAI, STREAMED, streamed(SLOW), RateLimited, 429),
    Case(
        "a general word for a body",
        OPENAI,
        WHOLE,
        Answer(as_json(OVERLOADED)),
        ProviderUnavailable,
        None,
        "overloaded_error",
    ),
    Case(
        "a choice with an error",
        OPENAI,
        WHOLE,
        Answer(as_json(completion("error", **SLOW))),
        RateLimited,
        429,
    ),
    Case("a choice that ends so", OPENAI, WHOLE, Answer(as_json(completion("error"))), ProviderUnavailable),
    Case("a chunk with an error", OPENAI, STREAMED, streamed(completion("error", **SLOW)), RateLimited, 429),
    Case("a chunk that ends so", OPENAI, STREAMED, streamed(completion("error")), ProviderUnavailable),
    Case(
        "no choice", OPENAI, WHOLE, Answer(as_json(completion("stop") | {"choices": []})), MalformedResponse
    ),
    Case(
        "chunks that don't fit together",
        OPENAI,
        STREAMED,
        streamed(completion(None, delta=SAID), completion("stop") | {"model": 12}),
        StreamBroken,
    ),
    Case(
        "endings that don't",
        OPENAI,
        STREAMED,
        streamed(completion(12), completion("stop")),
        MalformedResponse,
    ),
    Case(
        "probabilities that don't",
        OPENAI,
        STREAMED,
        streamed(completion(None, delta=SAID, logprobs={"content": []}), completion("stop", logprobs=[1])),
        StreamBroken,
    ),
    Case("a text for an error", OPENAI, WHOLE, Answer(as_json({"error": "it broke"})), ModelCallFailed),
    Case("an error for a body", ANTHROPIC, WHOLE, Answer(as_json(OVERLOADED)), ProviderUnavailable),
    Case(
        "an error for an event",
        ANTHROPIC,
        STREAMED,
        streamed(OVERLOADED, name="error"),
        ProviderUnavailable,
        200,
        "overloaded_error",
    ),
    Case(
        "an error for an event", GEMINI, STREAMED, streamed(EXPIRED), UserKeyRejected, 401, "UNAUTHENTICATED"
    ),
    Case("a prompt that is refused", GEMINI, WHOLE, Answer(as_json(BLOCKED)), ContentFiltered),
    Case("a prompt that is refused", GEMINI, STREAMED, streamed(BLOCKED), ContentFiltered),
    Case("nothing", GEMINI, WHOLE, Answer(b"{}"), MalformedResponse),
    Case("nothing, in parts", GEMINI, STREAMED, streamed({}, {}), MalformedResponse),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_an_error_inside_an_answer_is_found(
    case: Case, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: case.answer
    for way in case.ways:
        error = await failure_of(service, case.protocol, way, ADA)
        assert type(error) is case.kind, f"{way}: {error!r}"
        assert isinstance(error, ModelCallFailed)
        assert error.status == case.status
        assert case.code in {None, error.code}


UNREADABLE = {
    "a page": HTML,
    "a page that says it is JSON": Answer(b"<html></html>"),
    "an empty body": Answer(b""),
    "half of a body": Answer(b'{"choices": [{"mess'),
    "half of an event": Answer(parts=[b"event: message_start\ndata: {nope\n\n"], headers=SSE),
    "a body that is nested to the end of the stack": Answer(b"[" * 100_000),
    "a stream without an event": Answer(parts=[], headers=SSE),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", UNREADABLE)
async def test_R18_what_no_sdk_can_read_is_a_malformed_response(
    name: str, protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: UNREADABLE[name]
    for way in WAYS:
        error = await failure_of(service, protocol, way)
        assert type(error) is MalformedResponse, f"{way}: {error!r}"
        assert error.http_status == 502


@pytest.mark.parametrize("protocol", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("body", [b"[]", b"null", b"12", b'"hello"', b'{"choices": "x", "content": "x"}'])
async def test_R18_json_of_another_shape_is_a_malformed_response(
    body: bytes, protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = lambda _: Answer(body)
    for way in WAYS:
        assert type(await failure_of(service, protocol, way)) is MalformedResponse, way
