"""How long a provider asks to wait where it names the moment at which its limits are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.failures import classify
from tests.llm.failures.calling import PROTOCOLS, WAYS, failure_of
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from app.llm import LLMService
    from tests.servers.running import RunningServer

DATE = "Mon, 02 Mar 2026 10:00:00 GMT"
EPOCH = 1_772_445_600
"""The same moment in seconds since 1970."""


class Limited(Exception):
    """An SDK's error over a response that says: too many requests."""

    def __init__(self, headers: dict[str, str], status: int = 429, body: object = None) -> None:
        super().__init__("no")
        self.status_code, self.body = status, body
        self.headers = {"Date": DATE} | headers


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("500us", 0.0005),
        ("12", 12.0),
        ("33011.382867", 33011.382867),
        ("0", 0.0),
        ("-1", 0.0),
        (f"{EPOCH + 30}", 30.0),
        (f"{(EPOCH + 30) * 1000}", 30.0),
        (f"{EPOCH - 30}", 0.0),
        ("2026-03-02T10:00:45Z", 45.0),
        ("2026-03-02T11:00:45+01:00", 45.0),
        ("Mon, 02 Mar 2026 10:00:30 GMT", 30.0),
        ("3 fortnights", None),
        ("3fortnights", None),
        ("1s2", None),
        ("nan", None),
        ("", None),
    ],
)
def test_R11_the_moment_of_renewal_is_read_in_every_spelling(said: str, seconds: float | None) -> None:
    wait = classify(Limited({"x-ratelimit-reset-requests": said})).retry_after_s

    assert wait == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            1.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-03-02T10:00:05Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-03-02T10:00:20Z",
                "anthropic-ratelimit-output-tokens-remaining": "8000",
                "anthropic-ratelimit-output-tokens-reset": "2026-03-02T10:01:00Z",
            },
            20.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{(EPOCH + 9) * 1000}"}, 9.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "50"}, 50.0),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0"}, None),
        ({"x-ratelimit-reset-requests": "60", "retry-after": "2"}, 2.0),
        ({"x-ratelimit-reset-requests": "60", "retry-after-ms": "250"}, 0.25),
    ],
)
def test_R11_of_the_limits_that_are_used_up_the_last_one_to_be_renewed_counts(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert classify(Limited(headers)).retry_after_s == seconds


def test_R11_headers_that_a_broker_quotes_are_read() -> None:
    quoted = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": (EPOCH + 12) * 1000}
    body = {"error": {"code": 429, "message": "no", "metadata": {"headers": quoted}}}

    assert classify(Limited({}, body=body)).retry_after_s == 12.0
    assert classify(Limited({}, body={"error": {"metadata": {"headers": "x"}}})).retry_after_s is None


@pytest.mark.parametrize("status", [400, 401, 500, 503, 529])
def test_limits_say_nothing_about_any_other_failure(status: int) -> None:
    headers = {"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s"}

    assert classify(Limited(headers, status)).retry_after_s is None


def test_a_quota_that_is_used_up_is_not_renewed_with_the_limits() -> None:
    body = {"error": {"code": "insufficient_quota", "message": "no"}}

    assert classify(Limited({"x-ratelimit-reset-requests": "1s"}, body=body)).retry_after_s is None


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=80))
def test_whatever_a_header_says_the_wait_is_a_number_of_seconds_or_unknown(text: str) -> None:
    for name in ("retry-after", "x-ratelimit-reset-tokens", "date"):
        wait = classify(Limited({"x-ratelimit-reset": "5", name: text})).retry_after_s
        assert wait is None or wait >= 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R11_the_renewal_of_the_limits_reaches_the_caller_of_every_protocol(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    name = "anthropic-ratelimit-requests-reset" if protocol == "anthropic" else "x-ratelimit-reset-requests"
    said = "2026-03-02T10:10:00Z" if protocol == "anthropic" else "10m0s"
    provider.script = lambda _: Answer(b"{}", status=429, headers={name: said, "date": DATE})
    for way in WAYS:
        error = await failure_of(service, protocol, way)
        assert getattr(error, "retry_after_s", None) == 600.0, way
