"""An exception becomes a failure class by its status first, then by its type, never by its text."""

from __future__ import annotations

import asyncio
import json

import httpx
import httpx2
import pytest

from app.llm.failures import BY_STATUS, classify


class WithStatus(Exception):
    """An SDK's error that carries a status."""

    def __init__(self, status: int) -> None:
        super().__init__("429 rate limit 401 invalid key timeout")
        self.status_code = status


@pytest.mark.parametrize(
    ("status", "expected"), [*BY_STATUS.items(), (500, "overloaded"), (529, "overloaded")]
)
def test_the_status_decides_whatever_the_text_says(status: int, expected: str) -> None:
    failure = classify(WithStatus(status))

    assert (failure.failure_class, failure.status) == (expected, status)


def test_an_unknown_client_error_is_an_invalid_request() -> None:
    assert classify(WithStatus(418)).failure_class == "invalid_request"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ReadTimeout("x"), "timeout"),
        (httpx2.ConnectTimeout("x"), "timeout"),
        (httpx.ConnectError("x"), "connection"),
        (httpx2.ReadError("x"), "connection"),
        (httpx2.RemoteProtocolError("x"), "connection"),
        (TimeoutError(), "timeout"),
        (asyncio.CancelledError(), "cancelled"),
        (ConnectionResetError(), "connection"),
        (OSError("no route"), "connection"),
        (json.JSONDecodeError("x", "y", 0), "malformed_response"),
        (ValueError("HTTP 429 rate limited"), "unknown"),
    ],
)
def test_the_type_decides_where_there_is_no_status(error: BaseException, expected: str) -> None:
    assert classify(error).failure_class == expected


def test_the_status_is_found_behind_the_error_that_wraps_it() -> None:
    wrapper = ValueError("wrapped")
    wrapper.__cause__ = WithStatus(429)

    assert classify(wrapper).failure_class == "rate_limited"
