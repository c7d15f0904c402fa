"""An exception becomes a failure class by code, status and type first; by its text last, and marked."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import httpx2
import pytest

from app.errors import InvalidRequest, RateLimited, UserKeyRejected
from app.llm.failures import classify
from app.llm.failures.tables import BY_STATUS


class WithStatus(Exception):
    """An SDK's error that carries a status."""

    def __init__(self, status: int) -> None:
        super().__init__("429 rate limit 401 invalid key timeout")
        self.status_code = status


@pytest.mark.parametrize(
    ("status", "expected"), [*BY_STATUS.items(), (500, "overloaded"), (529, "overloaded")]
)
def test_R12_the_status_decides_whatever_the_text_says(status: int, expected: str) -> None:
    failure = classify(WithStatus(status))

    assert (failure.failure_class, failure.status, failure.guessed) == (expected, status, False)


@pytest.mark.parametrize(("status", "expected"), [(418, "invalid_request"), (302, "invalid_request")])
def test_an_unknown_client_error_and_a_redirect_are_invalid_requests(status: int, expected: str) -> None:
    assert classify(WithStatus(status)).failure_class == expected


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
        (FileNotFoundError("a picture"), "unknown"),
        (json.JSONDecodeError("x", "y", 0), "malformed_response"),
        (ValueError("HTTP 429 rate limited"), "unknown"),
    ],
)
def test_R18_the_type_decides_where_there_is_no_status(error: BaseException, expected: str) -> None:
    assert classify(error).failure_class == expected


def test_the_status_is_found_behind_the_error_that_wraps_it() -> None:
    wrapper = ValueError("wrapped")
    wrapper.__cause__ = WithStatus(429)

    assert classify(wrapper).failure_class == "rate_limited"


def test_what_the_caller_was_busy_with_says_nothing_about_the_call() -> None:
    error = ValueError("raised meanwhile")
    error.__context__ = WithStatus(401)

    assert classify(error).failure_class == "unknown"


def test_the_first_error_of_a_group_speaks_for_it() -> None:
    assert classify(ExceptionGroup("two", [WithStatus(429), ValueError()])).failure_class == "rate_limited"


def test_a_chain_that_bites_its_tail_is_read_once() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one

    assert classify(one).failure_class == "unknown"


def test_an_answer_that_cannot_be_read_is_malformed_and_an_argument_that_cannot_is_not() -> None:
    error = KeyError("choices")

    assert classify(error, answered=True).failure_class == "malformed_response"
    assert classify(error).failure_class == "unknown"


def test_one_of_our_own_errors_means_what_it_says() -> None:
    about: dict[str, Any] = {"feature": "f", "provider": "acme", "model": "m", "payer": "user"}
    limited = RateLimited(failure_class="rate_limited", status=429, retry_after_s=3.0, **about)
    rejected = UserKeyRejected(reason="billing", failure_class="quota", code="no_money", **about)

    assert classify(limited).retry_after_s == 3.0
    assert classify(rejected).reason == "billing"
    assert classify(InvalidRequest(failure_class="invalid_request", **about)).reason is None
