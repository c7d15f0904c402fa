"""`pointsman chat`."""

from __future__ import annotations

import json

import pytest

from app.cli.session import Session
from tests.cli.commands import over, pointsman
from tests.folders.client_cache import ScriptedClientCache
from tests.folders.test_assigner import RefusedByServer
from tests.servers.models import TEXT, WORDS, any_model
from tests.servers.running import running

pytestmark = pytest.mark.usefixtures("_keys")


def echo(message: str) -> str:
    return f"you said: {message}"


def test_the_answer_is_printed() -> None:
    ended = pointsman("chat", "memories", "Good morning", make=over(ScriptedClientCache(echo)))
    assert (ended.exit_code, ended.stdout) == (0, "you said: Good morning\n")


def test_the_prompt_may_come_from_standard_input() -> None:
    ended = pointsman("chat", "memories", stdin="Günaydın\n", make=over(ScriptedClientCache(echo)))
    assert ended.stdout.strip() == "you said: Günaydın"


@pytest.mark.parametrize("words", [["chat", "memories"], ["chat", "memories", "  "]])
def test_nothing_to_ask_is_wrong_usage(words: list[str]) -> None:
    cache = ScriptedClientCache(echo)
    assert pointsman(*words, stdin="\n", make=over(cache)).exit_code == 2
    assert cache.heard == []


def test_as_json_the_answer_comes_with_its_usage_and_its_route() -> None:
    ended = pointsman("chat", "memories", "Hi", "--json", "-p", "max", make=over(ScriptedClientCache(echo)))
    record = json.loads(ended.stdout)
    assert record["text"] == "you said: Hi"
    assert record["usage"]["total_tokens"] == 12
    assert record["pointsman"]["feature"] == "memories"
    assert record["pointsman"]["profile"] == "max"
    assert record["pointsman"]["payer"] == "platform"


def test_a_stream_is_printed_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(any_model) as server:
        monkeypatch.setenv("LOCAL_BASE_URL", f"{server.origin}/v1")
        ended = pointsman("chat", "chat_responses", "Hi", "--stream", "--profile", "local")
        pieces = pointsman("chat", "chat_responses", "Hi", "--stream", "--profile", "local", "--json")
    assert (ended.exit_code, ended.stdout) == (0, f"{TEXT}\n")
    *texts, record = [json.loads(line) for line in pieces.stdout.splitlines()]
    assert [text["text"] for text in texts] == list(WORDS)
    assert record["usage"]["total_tokens"] == 5
    assert record["pointsman"]["feature"] == "chat_responses"


def test_an_unknown_feature_is_wrong_usage_with_a_suggestion() -> None:
    ended = pointsman("chat", "memoris", "Hi")
    assert ended.exit_code == 2
    assert "did you mean 'memories'?" in ended.stderr


def test_a_missing_key_is_exit_code_2_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    ended = pointsman("chat", "memories", "Hi")
    assert ended.exit_code == 2
    assert "OPENAI_API_KEY" in ended.stderr


def test_a_provider_that_fails_is_exit_code_1_without_its_words() -> None:
    def fails(_: str) -> str:
        raise RefusedByServer(401)

    ended = pointsman("chat", "memories", "Hi", make=over(ScriptedClientCache(fails)))
    assert ended.exit_code == 1
    assert "auth (HTTP 401)" in ended.stderr
    assert "secret words" not in ended.output


def test_an_interrupted_chat_ends_with_130() -> None:
    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    assert pointsman("chat", "memories", "Hi", make=over(ScriptedClientCache(interrupted))).exit_code == 130


def test_a_session_makes_its_container_from_what_was_chosen_last() -> None:
    session = Session()
    session.choose(profile="premium")
    session.choose(profile="max", catalog=None)
    with session.container() as container:
        assert container.settings().model_qos == "max"
