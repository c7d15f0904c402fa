"""What the Gemini adapter puts on the wire, at AI Studio and at Vertex AI."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest
from google.genai.errors import ClientError, ServerError

from app.errors import ConfigurationError
from app.llm.catalog.options import Options
from app.llm.providers.gemini import GeminiAdapter
from tests.llm.providers.adapters import QUESTION, SECRET, caller, caller_of, spec_for
from tests.servers.models import any_model, as_json, gemini_value
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.catalog.options import OptionValue
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

ADAPTER = GeminiAdapter()
ON_THE_WIRE: dict[str, tuple[OptionValue, str, object]] = {
    "temperature": (0.5, "temperature", 0.5),
    "top_p": (0.9, "topP", 0.9),
    "max_tokens": (50, "maxOutputTokens", 50),
    "seed": (7, "seed", 7),
    "stop": (("END", "STOP"), "stopSequences", ["END", "STOP"]),
    "thinking_budget": (0, "thinkingConfig", {"thinking_budget": 0}),
    "thinking_level": ("low", "thinkingConfig", {"thinking_level": "LOW"}),
}


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
    sent = [received.json["generationConfig"][parameter] for received in server.received]
    assert sent == [expected] * 3


def test_without_options_no_wish_is_sent(server: RunningServer, transport: Transport) -> None:
    caller(ADAPTER, server.origin, transport).ask()
    assert server.received[0].json["generationConfig"] == {"candidateCount": 1}


def test_the_time_left_is_the_calls_own(server: RunningServer, transport: Transport) -> None:
    model = caller(ADAPTER, server.origin, transport)
    with transport.ticket(model.grant()) as ticket:
        model.model.invoke(QUESTION, **ADAPTER.request_arguments(ticket, timeout_s=3))
    model.ask()
    assert [received.header("x-server-timeout") for received in server.received] == ["3", "120"]


async def test_vertex_is_asked_for_the_project_with_a_bearer_token(
    server: RunningServer, transport: Transport
) -> None:
    spec = replace(spec_for(ADAPTER, server.origin), vertex=("my-project", "europe-west4"), auth="bearer")
    model = caller_of(spec, ADAPTER, transport)
    model.ask()
    await model.aask()
    list(model.stream())
    path = "/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models/some-model"
    for received in server.received:
        assert received.target.startswith(path)
        assert received.header("authorization") == f"Bearer {SECRET}"
        assert received.header("x-goog-api-key") is None


@pytest.mark.parametrize(("status", "kind"), [(400, ClientError), (429, ClientError), (503, ServerError)])
async def test_a_failure_is_the_sdks_own_error_after_one_request(
    transport: Transport, status: int, kind: type[Exception]
) -> None:
    def failing(_: Received) -> Answer:
        return Answer(as_json({"error": {"code": status, "message": "no", "status": "X"}}), status)

    with running(failing) as server:
        model = caller(ADAPTER, server.origin, transport)
        with pytest.raises(Exception, match="no") as asked:
            model.ask()
        with pytest.raises(Exception, match="no") as streamed:
            list(model.stream())
        with pytest.raises(Exception, match="no") as awaited:
            await model.aask()
        assert all(isinstance(sdk_error(caught), kind) for caught in (asked, streamed, awaited))
        assert len(server.received) == 3


def sdk_error(caught: pytest.ExceptionInfo[BaseException]) -> BaseException | None:
    """Return google-genai's own error: LangChain raises one of its kind, caused by it."""
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, (ClientError, ServerError)):
        error = error.__cause__
    return error


async def test_a_provider_that_says_nothing_is_a_timeout(transport: Transport) -> None:
    def slow(_: Received) -> Answer:
        return Answer(as_json(gemini_value()), delay_s=30)

    with running(slow) as server:
        model = caller(ADAPTER, server.origin, transport, timeout_s=0.05)
        with pytest.raises(httpx2.TimeoutException):
            model.ask()
        with pytest.raises(httpx2.TimeoutException):
            await model.aask()


def test_R2_an_option_of_another_protocol_is_an_error(transport: Transport) -> None:
    with pytest.raises(ConfigurationError, match=r"'service_tier'.*'gemini'"):
        caller(ADAPTER, "http://127.0.0.1:9", transport, service_tier="flex")


def test_a_cache_key_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="cache key"):
        ADAPTER.request_arguments("a ticket", cache_key="user-1")


@pytest.mark.parametrize("vertex", [None, ("my-project", "europe-west4")])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GOOGLE_API_KEY", "canary"),
        ("GEMINI_API_KEY", "canary"),
        ("GOOGLE_CLOUD_PROJECT", "canary"),
        ("GOOGLE_CLOUD_LOCATION", "canary"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "true"),
        ("GOOGLE_GENAI_USE_VERTEXAI", "false"),
        ("GOOGLE_GENAI_USE_ENTERPRISE", "true"),
        ("GOOGLE_GEMINI_BASE_URL", "http://canary.test"),
        ("GOOGLE_VERTEX_BASE_URL", "http://canary.test"),
        ("GOOGLE_GENAI_HTTP_CLIENT", "httpx"),
    ],
)
async def test_R1_no_variable_of_the_sdks_changes_what_is_sent(
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    vertex: tuple[str, str] | None,
) -> None:
    with running(any_model) as server:
        auth = "bearer" if vertex else ADAPTER.auth
        spec = replace(spec_for(ADAPTER, server.origin), vertex=vertex, auth=auth)
        before = caller_of(spec, ADAPTER, transport)
        before.ask()
        await before.aask()
        monkeypatch.setenv(variable, value)
        after = caller_of(spec, ADAPTER, transport)
        after.ask()
        await after.aask()
    seen = [(received.target, received.headers, received.body) for received in server.received]
    assert seen[:2] == seen[2:]
