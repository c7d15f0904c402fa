"""When a call asks again: never against what the provider asked for, never with another's key."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.errors import ModelCallFailed, ProviderUnavailable, RateLimited, UserKeyRejected
from app.llm.failures import classify
from app.llm.running.course import FIRST_PAUSE_S
from tests.llm.failures.calling import ADA, PROTOCOLS, WAYS, ask, failure_of
from tests.servers.models import any_model
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.llm import LLMService
    from tests.llm.clocks import Sleepless
    from tests.servers.running import RunningServer
    from tests.servers.wire import Script


class Answered(Exception):
    """An SDK's error over a response."""

    def __init__(
        self, status: int = 429, headers: Mapping[str, str] | None = None, body: object = None
    ) -> None:
        super().__init__("no")
        self.response = httpx2.Response(status, headers=headers)
        self.body = body


def once(answer: Answer) -> Script:
    """Answer so to the first request, and as a model to the others."""
    answers = [answer]
    return lambda received: answers.pop() if answers else any_model(received)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "-5"}, 0.0),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": "Mon, 02 Mar 2026 10:00:30 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 02 Mar 2026 10:00:30 -0000", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 30.0),
        ({"Retry-After": "Mon, 02 Mar 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 02 Mar 99999999999999999999 10:00:30 GMT"}, None),
        ({"Retry-After": "Mon, 02 Mar 2026 10:00:30 +99999999999999"}, None),
        ({"Retry-After": "Mon, 99 Mar 2026 10:00:30 GMT"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_R11_retry_after_is_read_as_seconds_or_as_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert classify(Answered(headers=headers)).retry_after_s == seconds


def test_R11_a_date_without_the_answers_own_counts_from_now(moment_in_an_hour: datetime) -> None:
    wait = classify(Answered(headers={"Retry-After": format_datetime(moment_in_an_hour)})).retry_after_s

    assert wait is not None
    assert 3000 < wait <= 3600


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([{"retryDelay": "34.5s"}], 34.5),
        ([{"other": 1}, {"retryDelay": "3s"}], 3.0),
        ([{"retryDelay": "soon"}], None),
        ([{"retryDelay": 3}, "x"], None),
        ("x", None),
    ],
)
def test_R11_googles_retry_delay_is_read(details: object, seconds: float | None) -> None:
    assert classify(Answered(body={"error": {"details": details}})).retry_after_s == seconds


@pytest.mark.parametrize("status", [429, 503])
async def test_R11_a_wait_beyond_the_deadline_is_not_waited_for(
    status: int, provider: RunningServer, patient: LLMService, clock: Sleepless
) -> None:
    for way in WAYS:
        provider.received.clear()
        provider.script = once(Answer(b"{}", status=status, headers={"Retry-After": "30"}))
        error = await failure_of(patient, "openai_compatible", way)
        assert type(error) is (RateLimited if status == 429 else ProviderUnavailable)
        assert isinstance(error, ModelCallFailed)
        assert (error.retry_after_s, error.attempts, len(provider.received)) == (30.0, 1, 1)
    assert clock.slept == []


async def test_R11_a_wait_within_the_deadline_is_waited_for(
    provider: RunningServer, patient: LLMService, clock: Sleepless
) -> None:
    for way in WAYS:
        provider.received.clear()
        provider.script = once(Answer(b"{}", status=429, headers={"Retry-After": "15"}))
        assert await ask(patient.get_llm("openai_compatible"), way) == "Hello there"
        assert len(provider.received) == 2
    assert len(clock.slept) == len(WAYS)
    assert all(15.0 <= seconds <= 15.0 + FIRST_PAUSE_S for seconds in clock.slept)


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R9_a_refused_user_key_never_falls_through(
    protocol: str, status: int, provider: RunningServer, patient: LLMService
) -> None:
    provider.script = lambda _: Answer(b"{}", status=status)
    for way in WAYS:
        provider.received.clear()
        error = await failure_of(patient, protocol, way, ADA)
        assert isinstance(error, UserKeyRejected)
        assert (error.provider, error.payer, error.status) == (protocol, "user", status)
        assert error.reason == {401: "invalid", 402: "billing", 403: "permission"}[status]
        assert len(provider.received) == 1, "one attempt, and none on the platform's bill"


@pytest.mark.parametrize(
    ("protocol", "argument"),
    [("openai_compatible", "extra_body"), ("anthropic", "extra_body"), ("gemini", "labels")],
)
async def test_an_argument_that_no_sdk_can_render_stays_the_callers_mistake(
    protocol: str, argument: str, provider: RunningServer, service: LLMService
) -> None:
    provider.received.clear()
    model = service.get_llm(protocol).bind(**{argument: {"x": object()}})

    for_pydantic_and_json = (TypeError, ValueError)
    with pytest.raises(for_pydantic_and_json):
        model.invoke("hello")
    with pytest.raises(for_pydantic_and_json):
        await model.ainvoke("hello")
    assert provider.received == []
