"""The shapes in which providers, and what stands before them, wrap what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import LocalModelMissing
from app.llm.failures import classify
from tests.llm.services import service

if TYPE_CHECKING:
    from typing import NoReturn

    from app.llm.clients.spec import ClientSpec


class Answered(Exception):
    """An SDK's error over an answer."""

    def __init__(self, status: int | None, body: object, headers: object = None) -> None:
        super().__init__("no")
        self.body = body
        self.response = SimpleNamespace(status_code=status, headers=headers)


TOO_LONG = {"code": "context_length_exceeded"}
SHAPES: list[tuple[int | None, object, str, bool]] = [
    (400, {"error": TOO_LONG}, "context_length", False),
    (400, TOO_LONG, "context_length", False),
    (400, [{"error": TOO_LONG}], "context_length", False),
    (400, {"error": {"innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "content_filter", False),
    (400, {"error": {"metadata": {"error_code": "context_length_exceeded"}}}, "context_length", False),
    (
        400,
        {"error": {"metadata": {"raw": '{"error": {"code": "string_too_long"}}'}}},
        "context_length",
        False,
    ),
    (400, {"error": {"metadata": {"raw": "beyond the context window"}}}, "context_length", True),
    (400, {"error": {"metadata": {"raw": "[" * 19_000}}}, "invalid_request", False),
    (400, {"error": {"metadata": {"raw": "context window" * 5_000}}}, "invalid_request", False),
    (400, "prompt is too long", "context_length", True),
    (400, {"error": "prompt is too long"}, "context_length", True),
    (400, {"detail": "prompt is too long"}, "invalid_request", False),
    (400, [], "invalid_request", False),
    (400, 12, "invalid_request", False),
    (200, {"error": {"code": "503"}}, "overloaded", False),
    (200, {"error": {"code": True}}, "unknown", False),
    (200, {"error": {"code": 42}}, "unknown", False),
    (None, {"error": {"message": "Rate limit reached"}}, "rate_limited", True),
    (None, {"error": {"message": "the upstream timed out"}}, "timeout", True),
    (None, {"error": {"type": "overloaded_error", "message": "rate limit"}}, "overloaded", False),
    (429, {"error": {"details": [{"violations": [3, {"quotaId": "PerMinute"}]}, 4]}}, "rate_limited", False),
    (429, {"error": {"details": [{"violations": "x"}]}}, "rate_limited", False),
    (429, {"error": {"details": [{"violations": [{"quotaValue": []}]}]}}, "rate_limited", False),
    (429, {"error": {"details": [{"violations": [{"quotaValue": 0}]}]}}, "quota", False),
]


@pytest.mark.parametrize(("status", "body", "expected", "guessed"), SHAPES)
def test_R12_what_went_wrong_is_found_in_any_wrapping(
    status: int | None,
    body: object,
    expected: str,
    guessed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    failure = classify(Answered(status, body))

    assert (failure.failure_class, failure.guessed) == (expected, guessed)


@pytest.mark.parametrize("said", ["invalid api key", "credit balance is too low", "API key not valid"])
def test_R12_a_broker_that_quotes_whom_it_asked_speaks_of_its_own_key_and_not_of_ours(said: str) -> None:
    quoted = {"error": {"message": "Provider returned error", "metadata": {"raw": said}}}
    coded = {"error": {"metadata": {"raw": '{"error": {"code": "invalid_api_key"}}'}}}

    assert classify(Answered(400, quoted)).failure_class == "invalid_request"
    assert classify(Answered(400, coded)).failure_class == "invalid_request"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 500, 503])
def test_R12_no_text_overrules_a_status_that_says_enough(status: int) -> None:
    said = {"error": {"message": "invalid api key, rate limit, timeout, prompt is too long"}}

    assert classify(Answered(status, said)) == classify(Answered(status, {}))


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"X-Request-Id": "req_1", "cf-ray": "2-FRA"}, {}, "req_1"),
        ({"Request-Id": "req_1"}, {}, "req_1"),
        ({"x-goog-request-id": "g-1"}, {}, "g-1"),
        ({"CF-Ray": "8f3-FRA"}, {}, "8f3-FRA"),
        ({}, {"request_id": "req_9"}, "req_9"),
        ({"x-request-id": "two words"}, {"request_id": "req_9"}, "req_9"),
        ("x-request-id: 3", {}, None),
    ],
)
def test_the_request_id_is_found_under_any_of_its_names(
    headers: object, body: object, request_id: str | None
) -> None:
    assert classify(Answered(500, body, headers)).request_id == request_id


def test_R17_a_code_that_is_the_key_in_use_is_dropped() -> None:
    error = Answered(401, {"error": {"code": "abcdefghijkl0123456789"}})

    assert classify(error).code == "abcdefghijkl0123456789"
    assert classify(error, secret="abcdefghijkl0123456789").code is None


def test_R18_a_body_may_be_nested_as_deep_as_it_likes() -> None:
    body: object = TOO_LONG
    for _ in range(5_000):
        body = [body]

    assert classify(Answered(400, body)).code == "context_length_exceeded"
    assert (
        classify(Answered(429, {"error": {"details": [{"violations": [{"quotaId": body}]}]}})).status == 429
    )
    assert classify(Answered(400, {"message": body, "request_id": body})).request_id is None


READ = [
    *("error", "code", "type", "status", "message", "request_id", "innererror"),
    *("details", "reason", "error_code", "error_type", "violations", "quotaId", "quotaValue", "retryDelay"),
    *("metadata", "raw", "reasons", "limit_source"),
]
"""Everything that is looked at in a body."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("PerDay"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(READ), inner, max_size=4)
        | st.fixed_dictionaries({"error": st.fixed_dictionaries({"details": st.lists(inner, max_size=2)})})
        | st.fixed_dictionaries(
            {"violations": st.lists(st.dictionaries(st.sampled_from(READ), inner), max_size=2)}
        )
    ),
    max_leaves=12,
)
NUMBERS = st.integers(-(10**20), 10**20) | st.integers(0, 60)
SAID = st.text(max_size=20) | st.builds(
    "Mon, {} Mar {} {}:00:30 {}".format,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["GMT", "-0000"]) | NUMBERS,
)
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "retry-after-ms", "Date", "x-request-id"]), SAID, max_size=4
)


@given(body=JSON, status=st.none() | st.integers(0, 999), headers=HEADERS)
def test_R18_nothing_that_a_provider_says_breaks_the_classification(
    body: object, status: int | None, headers: dict[str, str]
) -> None:
    failure = classify(Answered(status, body, headers), answered=True)

    assert failure.failure_class
    assert failure.code is None or len(failure.code) <= 64
    assert failure.retry_after_s is None or failure.retry_after_s >= 0


class NoClient:
    """A client cache that can build nothing."""

    def get(self, spec: ClientSpec) -> NoReturn:
        raise LocalModelMissing("install it") from ImportError("no module named xllamacpp")

    def close(self) -> None:
        """Nothing was opened."""


def test_what_an_operator_has_to_mend_keeps_its_cause() -> None:
    model = service(client_cache=NoClient()).get_llm("guard")

    with pytest.raises(LocalModelMissing) as caught:
        model.invoke("hello")

    assert isinstance(caught.value.__cause__, ImportError)
