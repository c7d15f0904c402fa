"""The example for handlers keeps its word: it runs, with two seams of the container replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from app.containers import Container
from app.llm import InMemoryEnrolledKeys
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
ADAS_KEY = {"X-User": "ada", "X-BYOK-OpenAI": "sk-of-ada"}
PLATFORM = {"OPENAI_API_KEY": "openai-platform-key"}


def says(message: str) -> str:
    if "refuse me" in message:
        raise RefusedByServer(401)
    return answer("f2") if "<folders>" in message else f"you said: {message}"


@pytest.fixture
def cache() -> ScriptedClientCache:
    return ScriptedClientCache(says)


@pytest.fixture
def client(cache: ScriptedClientCache) -> Iterator[TestClient]:
    parts = Container(settings=Settings(variables=PLATFORM), client_cache=cache)
    with TestClient(create_app(parts)) as client:
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
    ask(client, "/conversations/file", FILING, **ADAS_KEY)
    assert {spec.payer for spec in cache.specs} == {"user"}
    cache.specs.clear()
    ask(client, "/conversations/file", FILING)
    assert {spec.payer for spec in cache.specs} == {"platform"}


def test_a_chat_answer_is_streamed(client: TestClient, cache: ScriptedClientCache) -> None:
    said = ask(client, "/chat", {"text": "Good morning"}, **ADAS_KEY)
    assert (said.status_code, said.text) == (200, "you said: Good morning")
    assert {spec.payer for spec in cache.specs} == {"user"}


def test_a_chat_over_a_websocket_is_streamed_and_outlives_a_refusal(
    client: TestClient, cache: ScriptedClientCache
) -> None:
    with client.websocket_connect("/chat", headers=ADAS_KEY) as socket:
        socket.send_text("refuse me")
        assert socket.receive_json()["error"]["type"] == "UserKeyRejected"
        assert socket.receive_json() == {"end": True}
        socket.send_text("Good morning")
        parts: list[str] = []
        while (part := socket.receive_json()) != {"end": True}:
            parts.append(part["chunk"])
    assert "".join(parts) == "you said: Good morning"
    assert {spec.payer for spec in cache.specs} == {"user"}


def test_a_websocket_with_a_key_that_cant_be_one_is_closed(client: TestClient) -> None:
    with client.websocket_connect("/chat", headers={"X-BYOK-OpenAI": " "}) as socket:
        assert socket.receive()["code"] == 4400


@pytest.mark.parametrize("path", ["/conversations/file", "/chat"])
def test_a_blank_key_is_the_users_mistake_and_never_the_platforms_bill(
    client: TestClient, cache: ScriptedClientCache, path: str
) -> None:
    body = {"text": "Hi"} if path == "/chat" else FILING
    refused = ask(client, path, body, **{"X-BYOK-OpenAI": " "})
    assert refused.status_code == 400
    assert "is blank" in refused.json()["error"]["message"]
    assert cache.heard == []


def test_an_exempt_path_answers_whatever_keys_come(client: TestClient) -> None:
    assert client.get("/health", headers={"X-BYOK-OpenAI": " "}).json() == {"status": "fine"}


def test_a_refused_key_is_told_to_the_user(client: TestClient) -> None:
    refused = ask(client, "/chat", {"text": "refuse me"}, **ADAS_KEY)
    assert 400 <= refused.status_code < 500
    assert refused.json()["error"]["type"] == "UserKeyRejected"
    assert "sk-of-ada" not in refused.text


def test_a_refused_platform_key_is_the_servers_trouble(client: TestClient) -> None:
    assert ask(client, "/chat", {"text": "refuse me"}).status_code >= 500


def test_with_enrolment_only_an_enrolled_key_pays(cache: ScriptedClientCache) -> None:
    settings = Settings(variables=PLATFORM, byok_peppers={"2026": "a-pepper-of-the-product"})
    parts = Container(settings=settings, client_cache=cache, enrolled_keys=InMemoryEnrolledKeys())
    with TestClient(create_app(parts)) as client:
        ask(client, "/chat", {"text": "Hi"}, **ADAS_KEY)
        assert {spec.payer for spec in cache.specs} == {"platform"}
        cache.specs.clear()
        parts.enrolment().enrol("ada", "openai", "sk-of-ada")
        ask(client, "/chat", {"text": "Hi"}, **ADAS_KEY)
        assert {spec.payer for spec in cache.specs} == {"user"}
        other = ADAS_KEY | {"X-BYOK-OpenAI": "sk-of-somebody"}
        assert ask(client, "/chat", {"text": "Hi"}, **other).status_code == 403
