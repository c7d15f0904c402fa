"""What the OpenAI-compatible adapter puts on the wire, and what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import openai
import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from app.errors import ConfigurationError
from app.llm.catalog.options import Options
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from tests.llm.providers.adapters import QUESTION, caller, caller_of, spec_for
from tests.servers.models import SSE, TEXT, as_json, openai_body, openai_events
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.catalog.options import OptionValue
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

ADAPTER = OpenAICompatibleAdapter()
ON_THE_WIRE: dict[str, tuple[OptionValue, str, object]] = {
    "temperature": (0.7, "temperature", 0.7),
    "top_p": (0.9, "top_p", 0.9),
    "max_tokens": (50, "max_tokens", 50),
    "seed": (7, "seed", 7),
    "stop": (("END", "STOP"), "stop", ["END", "STOP"]),
    "reasoning_effort": ("low", "reasoning_effort", "low"),
    "prompt_cache_retention": ("24h", "prompt_cache_retention", "24h"),
    "service_tier": ("flex", "service_tier", "flex"),
}


class Folder(BaseModel):
    """Where it belongs."""

    folder_id: str


@pytest.mark.parametrize("name", sorted(set(ADAPTER.honours) - {"timeout_s"}))
async def test_R2_every_option_it_honours_reaches_the_provider(
    server: RunningServer, transport: Transport, name: str
) -> None:
    value, parameter, expected = ON_THE_WIRE[name]
    Options.model_validate({name: value})
    model = caller(ADAPTER, server.origin, transport, **{name: value})
    model.ask()
    await model.aask()
    list(model.stream())
    assert [received.json[parameter] for received in server.received] == [expected] * 3


def test_without_options_only_model_and_messages_are_sent(
    server: RunningServer, transport: Transport
) -> None:
    caller(ADAPTER, server.origin, transport).ask()
    sent = server.received[0].json
    assert sent == {"model": "some-model", "messages": sent["messages"], "stream": False}


def test_the_limit_of_an_answer_has_openais_newer_name_where_it_is_known(
    server: RunningServer, transport: Transport
) -> None:
    spec = spec_for(ADAPTER, server.origin, max_tokens=50)
    model = caller_of(replace(spec, supports=frozenset({"max_completion_tokens"})), ADAPTER, transport)
    model.ask()
    model.ask(max_tokens=20)
    assert [received.json["max_completion_tokens"] for received in server.received] == [50, 20]
    assert "max_tokens" not in server.received[0].json


def test_a_cache_key_and_the_time_left_are_the_calls_own(server: RunningServer, transport: Transport) -> None:
    model = caller(ADAPTER, server.origin, transport)
    with transport.ticket(model.grant()) as ticket:
        arguments = ADAPTER.request_arguments(ticket, cache_key="user-1", timeout_s=3.5)
        model.model.invoke(QUESTION, **arguments)
    model.ask()
    first, second = server.received
    assert first.json["prompt_cache_key"] == "user-1"
    assert first.header("x-stainless-read-timeout") == "3.5"
    assert "prompt_cache_key" not in second.json
    assert second.header("x-stainless-read-timeout") == "120.0"


def test_nothing_is_told_about_this_machine(server: RunningServer, transport: Transport) -> None:
    caller(ADAPTER, server.origin, transport).ask()
    names = {name for name, _ in server.received[0].headers}
    assert not names & {"x-stainless-os", "x-stainless-arch", "x-stainless-runtime", "x-stainless-lang"}


async def test_streams_ask_for_usage_where_the_provider_has_it(
    server: RunningServer, transport: Transport
) -> None:
    model = caller(ADAPTER, server.origin, transport)
    chunks = [chunk async for chunk in model.astream()] + list(model.stream())
    totals = [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata]
    assert totals == [5, 5]
    plain = replace(spec_for(ADAPTER, server.origin), supports=frozenset())
    list(caller_of(plain, ADAPTER, transport).stream())
    asked = [received.json.get("stream_options") for received in server.received]
    assert asked == [{"include_usage": True}, {"include_usage": True}, None]


async def test_a_class_of_answers_is_sent_as_its_schema_however_it_is_asked(transport: Transport) -> None:
    def structured(received: Received) -> Answer:
        text = '{"folder_id": "f1"}'
        return (
            Answer(parts=openai_events([text]), headers=SSE)
            if received.json["stream"]
            else Answer(openai_body(text))
        )

    with running(structured) as server:
        model = caller(ADAPTER, server.origin, transport)
        with model.arguments() as arguments:
            asked = {**arguments, "response_format": Folder}
            said = [model.model.invoke(QUESTION, **asked), await model.model.ainvoke(QUESTION, **asked)]
            said += model.model.stream(QUESTION, **asked)
            said += [chunk async for chunk in model.model.astream(QUESTION, **asked)]
    assert {one.text for one in said} == {'{"folder_id": "f1"}', ""}
    assert len(server.received) == 4
    for received in server.received:
        wished = received.json["response_format"]["json_schema"]
        assert (wished["name"], wished["strict"]) == ("Folder", True)
        assert wished["schema"]["additionalProperties"] is False


def test_a_file_without_a_name_gets_one(server: RunningServer, transport: Transport) -> None:
    files: list[str | dict[str, Any]] = [
        {"type": "file", "mime_type": "application/pdf", "base64": "JVBERg=="},
        {"type": "file", "source_type": "base64", "mime_type": "x/unheard-of", "data": "JVBERg=="},
        {"type": "file", "mime_type": "application/pdf", "base64": "JVBERg==", "filename": "mine.pdf"},
        {
            "type": "file",
            "mime_type": "application/pdf",
            "base64": "JVBERg==",
            "extras": {"filename": "my.pdf"},
        },
    ]
    model = caller(ADAPTER, server.origin, transport)
    with model.arguments() as arguments:
        model.model.invoke([HumanMessage([{"type": "text", "text": "Read."}, *files])], **arguments)
    _, *sent = server.received[0].json["messages"][0]["content"]
    assert [one["file"]["filename"] for one in sent] == ["file.pdf", "file", "mine.pdf", "my.pdf"]


def test_a_format_that_a_caller_writes_into_the_body_is_sent_as_it_is(
    server: RunningServer, transport: Transport
) -> None:
    grammar = {"type": "regex", "pattern": "f[0-9]"}
    caller(ADAPTER, server.origin, transport).ask(extra_body={"response_format": grammar, "top_k": 3})
    sent = server.received[0].json
    assert (sent["response_format"], sent["top_k"]) == (grammar, 3)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_a_failure_is_the_sdks_own_error_after_one_request(
    transport: Transport, status: int, kind: type[openai.APIStatusError]
) -> None:
    def failing(_: Received) -> Answer:
        return Answer(as_json({"error": {"message": "no"}}), status, headers={"retry-after": "0"})

    with running(failing) as server:
        model = caller(ADAPTER, server.origin, transport)
        with pytest.raises(kind, match="no"):
            model.ask()
        with pytest.raises(kind, match="no"):
            await model.aask()
        assert len(server.received) == 2


async def test_a_provider_that_says_nothing_is_a_timeout(transport: Transport) -> None:
    def slow(_: Received) -> Answer:
        return Answer(openai_body(), delay_s=30)

    with running(slow) as server:
        model = caller(ADAPTER, server.origin, transport, timeout_s=0.05)
        with pytest.raises(openai.APITimeoutError):
            model.ask()
        with pytest.raises(openai.APITimeoutError):
            await model.aask()


async def test_a_provider_that_hangs_up_is_a_connection_error(transport: Transport) -> None:
    def hang_up(_: Received) -> Answer:
        return Answer(parts=[b'{"id": '], cut=True)

    with running(hang_up) as server:
        model = caller(ADAPTER, server.origin, transport)
        with pytest.raises(openai.APIConnectionError):
            model.ask()
        with pytest.raises(openai.APIConnectionError):
            await model.aask()


async def test_a_compressed_answer_is_read(transport: Transport) -> None:
    import gzip

    def compressed(_: Received) -> Answer:
        return Answer(gzip.compress(openai_body()), headers={"content-encoding": "gzip"})

    with running(compressed) as server:
        model = caller(ADAPTER, server.origin, transport)
        assert model.ask().text == TEXT
        assert (await model.aask()).text == TEXT


async def test_a_large_question_is_sent_whole(server: RunningServer, transport: Transport) -> None:
    model = caller(ADAPTER, server.origin, transport)
    large = "x" * 3_000_000
    with model.arguments() as arguments:
        model.model.invoke(large, **arguments)
        await model.model.ainvoke(large, **arguments)
    assert [received.json["messages"][0]["content"] == large for received in server.received] == [True, True]


def test_R2_an_option_of_another_protocol_is_an_error(transport: Transport) -> None:
    with pytest.raises(ConfigurationError, match=r"'thinking_budget'.*'openai_compatible'"):
        caller(ADAPTER, "http://127.0.0.1:9", transport, thinking_budget=0)


def test_an_option_that_the_sdk_would_drop_is_an_error(transport: Transport) -> None:
    spec = replace(spec_for(ADAPTER, "http://127.0.0.1:9", temperature=0.2), model="gpt-5-nano")
    with pytest.raises(ConfigurationError, match=r"temperature = 0\.2"):
        caller_of(spec, ADAPTER, transport)


@pytest.mark.parametrize(
    "variable",
    [
        "OPENAI_API_KEY",
        "OPENAI_ADMIN_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_ORGANIZATION",
        "OPENAI_PROJECT_ID",
        "OPENAI_CUSTOM_HEADERS",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
        "OPENAI_PROXY",
        "LANGSMITH_GATEWAY",
        "LANGSMITH_GATEWAY_API_KEY",
        "LC_OUTPUT_VERSION",
    ],
)
async def test_R1_no_variable_of_the_sdks_changes_what_is_sent(
    server: RunningServer, transport: Transport, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    before = caller(ADAPTER, server.origin, transport)
    before.ask()
    await before.aask()
    monkeypatch.setenv(variable, "X-Canary: http://canary.test")
    after = caller(ADAPTER, server.origin, transport)
    after.ask()
    await after.aask()
    seen = [(received.headers, received.body) for received in server.received]
    assert seen[:2] == seen[2:]
