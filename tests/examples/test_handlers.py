"""The example for handlers keeps its word: it runs, with two seams of the container replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from app.containers import Container
from app.settings import Settings
from examples.handlers import create_app
from tests.folders.client_cache import ScriptedClientCache, answer
from tests.folders.test_assigner import RefusedByServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from httpx2 import Response

FILING = {
    "folders": [{"id": "w-1", "name": "Work"}, {"id": "t-2", "name": "Trips"}],
    "conversation": {"title": "Trains", "overview": "Night trains to Vienna", "category": "travel"},
}


def says(message: str) -> str:
    if "refuse me" in message:
        raise RefusedByServer(401)
    return answer("f2") if "<folders>" in message else f"you said: {message}"


@pytest.fixture
def cache() -> ScriptedClientCache:
    return ScriptedClientCache(says)


@pytest.fixture
def client(cache: ScriptedClientCache) -> Iterator[TestClient]:
    settings = Settings(variables={"OPENAI_API_KEY": "openai-platform-key"})
    with TestClient(create_app(Container(settings=settings, client_cache=cache))) as client:
        yield client


def ask(client: TestClient, path: str, body: object, **headers: str) -> Response:
    response: Response = client.post(path, json=body, headers=headers)
    return response


def test_a_conversation_is_filed_on_the_platforms_bill(
    client: TestClient, cache: ScriptedClientCache
) -> None:
    filed = ask(client, "/conversations/file", FILING, **{"X-User": "ada"})
    assert filed.status_code == 200
    assert (filed.json()["folder_id"], filed.json()["status"]) == ("t-2", "accepted")
    assert {spec.payer for spec in cache.specs} == {"platform"}


def test_a_users_own_key_pays_for_that_users_request_only(
    client: TestClient, cache: ScriptedClientCache
) -> None:
    own = {"X-User": "ada", "X-BYOK-OpenAI": "sk-of-ada"}
    ask(client, "/conversations/file", FILING, **own)
    assert {spec.payer for spec in cache.specs} == {"user"}
    cache.specs.clear()
    ask(client, "/conversations/file", FILING)
    assert {spec.payer for spec in cache.specs} == {"platform"}


def test_a_chat_answer_is_streamed(client: TestClient, cache: ScriptedClientCache) -> None:
    own = {"X-User": "ada", "X-BYOK-OpenAI": "sk-of-ada"}
    said = ask(client, "/chat", {"text": "Good morning"}, **own)
    assert (said.status_code, said.text) == (200, "you said: Good morning")
    assert {spec.payer for spec in cache.specs} == {"user"}


@pytest.mark.parametrize("path", ["/conversations/file", "/chat"])
def test_a_blank_key_is_the_users_mistake_and_never_the_platforms_bill(
    client: TestClient, cache: ScriptedClientCache, path: str
) -> None:
    body = {"text": "Hi"} if path == "/chat" else FILING
    refused = ask(client, path, body, **{"X-BYOK-OpenAI": " "})
    assert refused.status_code == 400
    assert "is blank" in refused.json()["error"]
    assert cache.heard == []


def test_a_refused_key_is_told_to_the_user(client: TestClient) -> None:
    refused = ask(client, "/chat", {"text": "refuse me"}, **{"X-BYOK-OpenAI": "sk-of-ada"})
    assert refused.status_code == 400
    assert "sk-of-ada" not in refused.text


def test_a_refused_platform_key_is_the_servers_trouble(client: TestClient) -> None:
    assert ask(client, "/chat", {"text": "refuse me"}).status_code == 502
