"""What the Anthropic adapter puts on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import pytest

from app.errors import ConfigurationError
from app.llm.catalog.options import Options
from app.llm.providers.anthropic import AnthropicAdapter
from tests.llm.providers.adapters import QUESTION, caller
from tests.servers.models import anthropic_value, as_json
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm.catalog.options import OptionValue
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

ADAPTER = AnthropicAdapter()
ON_THE_WIRE: dict[str, tuple[OptionValue, str, object]] = {
    "temperature": (0.5, "temperature", 0.5),
    "top_p": (0.9, "top_p", 0.9),
    "max_tokens": (50, "max_tokens", 50),
    "stop": (("END", "STOP"), "stop_sequences", ["END", "STOP"]),
    "reasoning_effort": ("low", "output_config", {"effort": "low"}),
    "thinking_budget": (2048, "thinking", {"type": "enabled", "budget_tokens": 2048}),
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
    assert [received.json[parameter] for received in server.received] == [expected] * 3


@pytest.mark.parametrize(("budget", "thinking"), [(0, {"type": "disabled"}), (-1, {"type": "adaptive"})])
def test_a_thinking_budget_may_be_none_or_the_models_own_choice(
    server: RunningServer, transport: Transport, budget: int, thinking: dict[str, str]
) -> None:
    caller(ADAPTER, server.origin, transport, thinking_budget=budget).ask()
    assert server.received[0].json["thinking"] == thinking


def test_an_effort_that_anthropic_doesnt_know_isnt_honoured() -> None:
    efforts = ADAPTER.honours["reasoning_effort"]
    assert efforts is not None
    assert "none" not in efforts
    assert "high" in efforts


def test_the_time_left_is_the_calls_own(server: RunningServer, transport: Transport) -> None:
    model = caller(ADAPTER, server.origin, transport)
    with transport.ticket(model.grant()) as ticket:
        model.model.invoke(QUESTION, **ADAPTER.request_arguments(ticket, timeout_s=3.5))
    model.ask()
    assert [received.header("x-stainless-read-timeout") for received in server.received] == ["3.5", "120.0"]


def test_the_version_of_the_protocol_is_said(server: RunningServer, transport: Transport) -> None:
    caller(ADAPTER, server.origin, transport).ask()
    assert server.received[0].header("anthropic-version") == "2023-06-01"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.OverloadedError),
    ],
)
async def test_a_failure_is_the_sdks_own_error_after_one_request(
    transport: Transport, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    def failing(_: Received) -> Answer:
        body = {"type": "error", "error": {"type": "api_error", "message": "no"}}
        return Answer(as_json(body), status, headers={"retry-after": "0"})

    with running(failing) as server:
        model = caller(ADAPTER, server.origin, transport)
        with pytest.raises(kind):
            model.ask()
        with pytest.raises(kind):
            await model.aask()
        assert len(server.received) == 2


async def test_a_provider_that_says_nothing_is_a_timeout(transport: Transport) -> None:
    def slow(_: Received) -> Answer:
        return Answer(as_json(anthropic_value()), delay_s=30)

    with running(slow) as server:
        model = caller(ADAPTER, server.origin, transport, timeout_s=0.05)
        with pytest.raises(anthropic.APITimeoutError):
            model.ask()
        with pytest.raises(anthropic.APITimeoutError):
            await model.aask()


def test_R2_an_option_of_another_protocol_is_an_error(transport: Transport) -> None:
    with pytest.raises(ConfigurationError, match=r"'seed'.*'anthropic'"):
        caller(ADAPTER, "http://127.0.0.1:9", transport, seed=1)


def test_a_cache_key_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="cache key"):
        ADAPTER.request_arguments("a ticket", cache_key="user-1")


@pytest.mark.parametrize(
    "variable",
    [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_API_URL",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_PROXY",
        "LANGSMITH_GATEWAY",
        "LANGSMITH_GATEWAY_API_KEY",
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
