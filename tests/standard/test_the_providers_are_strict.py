"""The server behind the suites refuses what a provider would: passing there means something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from tests.standard.providers import ANTHROPIC_KEY, GEMINI_KEY, OPENAI_KEY

if TYPE_CHECKING:
    from tests.servers.running import RunningServer

Body = dict[str, Any]

OPENAI = ("/v1/chat/completions", {"authorization": f"Bearer {OPENAI_KEY}"})
ANTHROPIC = ("/v1/messages", {"x-api-key": ANTHROPIC_KEY, "anthropic-version": "2023-06-01"})
GEMINI = ("/v1beta/models/some:generateContent", {"x-goog-api-key": GEMINI_KEY})
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def openai(*messages: Body, **more: object) -> Body:
    return {"model": "some", "messages": [{"role": "user", "content": "Hello"}, *messages], **more}


def anthropic(*messages: Body, **more: object) -> Body:
    return openai(*messages, max_tokens=5, **more)


def gemini(*contents: Body, **more: object) -> Body:
    return {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}, *contents], **more}


ALLOWED = [(OPENAI, openai()), (ANTHROPIC, anthropic()), (GEMINI, gemini())]
REFUSED = [
    (OPENAI, openai(thinking_budget=0), "thinking_budget"),
    (OPENAI, openai(stop=[]), "stop"),
    (OPENAI, openai({"role": "user", "content": [PICTURE]}), "this is no image/png"),
    (OPENAI, openai({"role": "tool", "tool_call_id": "c1", "content": "3"}), "c1"),
    (OPENAI, openai({"role": "user", "content": [{"type": "input_audio"}]}), "input_audio"),
    (ANTHROPIC, openai(), "max_tokens"),
    (ANTHROPIC, anthropic(stream_options={"include_usage": True}), "stream_options"),
    (ANTHROPIC, anthropic({"role": "assistant", "content": ""}), "non-empty"),
    (ANTHROPIC, anthropic({"role": "tool", "content": "3"}), "tool"),
    (GEMINI, gemini(messages=[]), "messages"),
    (GEMINI, gemini(generationConfig={"max_tokens": 5}), "max_tokens"),
    (GEMINI, gemini({"role": "assistant", "parts": [{"text": "Hello"}]}), "assistant"),
    (GEMINI, gemini({"role": "model", "parts": [{"functionCall": {"name": "f"}}]}), "function call"),
]


def ask(
    server: RunningServer, endpoint: tuple[str, dict[str, str]], body: Body, **headers: str
) -> httpx2.Response:
    path, known = endpoint
    return httpx2.post(
        server.origin + path, content=json.dumps(body), headers=known | headers, trust_env=False
    )


@pytest.mark.parametrize(("endpoint", "body"), ALLOWED, ids=["openai", "anthropic", "gemini"])
def test_a_provider_answers_what_its_protocol_allows(
    providers: RunningServer, endpoint: tuple[str, dict[str, str]], body: Body
) -> None:
    assert ask(providers, endpoint, body).status_code == 200


@pytest.mark.parametrize(("endpoint", "body", "problem"), REFUSED)
def test_a_provider_refuses_what_its_protocol_does_not_know(
    providers: RunningServer, endpoint: tuple[str, dict[str, str]], body: Body, problem: str
) -> None:
    answer = ask(providers, endpoint, body)
    assert answer.status_code == 400
    assert problem in answer.text


@pytest.mark.parametrize(("endpoint", "body"), ALLOWED, ids=["openai", "anthropic", "gemini"])
def test_a_provider_refuses_another_provider_s_key(
    providers: RunningServer, endpoint: tuple[str, dict[str, str]], body: Body
) -> None:
    own = next(name for name in endpoint[1] if name != "anthropic-version")
    assert ask(providers, endpoint, body, **{own: "Bearer sk-of-another-provider"}).status_code == 401
