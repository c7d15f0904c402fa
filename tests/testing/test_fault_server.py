"""The fault server, asked by the real SDKs."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest

from app.testing.faults.clock import FastClock
from app.testing.faults.meanings import MEANS
from app.testing.faults.server import FaultServer
from app.testing.faults.speech import READ, TEXT, WRITTEN
from app.testing.faults.table import FAULTS, REFUSED
from tests.llm.providers.adapters import QUESTION, SECRET
from tests.testing.faulty import PROTOCOLS, Verdict, client_of, failure_of, faulty, look_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.messages import AIMessageChunk

    from app.llm.clients.transport import Transport
    from app.testing.faults.asked import Asked

WITHOUT_CLASS = {"cut_after_finish", "no_finish", "bad_tool_arguments", "schema_violation", "filtered_answer"}
"""Faults of answers that an SDK takes for whole: what they are is found out behind it."""
CLASSES = {
    name: classes
    for name, classes in MEANS.items()
    if name not in WITHOUT_CLASS | {REFUSED, "slow_first_token", "stall"}
}


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_text_is_answered_with_a_text_and_its_usage(protocol: str, transport: Transport) -> None:
    with faulty("ok") as server:
        answer = client_of(server, protocol, transport).ask()
    assert answer.text == "".join(TEXT)
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (READ, WRITTEN)
    (served,) = server.served
    assert (served.fault, served.asked.protocol, served.asked.provider) == ("ok", protocol, "acme")
    assert (served.asked.model, served.asked.key, served.asked.stream) == ("some-model", SECRET, False)


def test_a_server_without_a_script_answers_every_request(protocol: str, transport: Transport) -> None:
    with FaultServer(["acme"]) as server:
        assert client_of(server, protocol, transport).ask().text == "".join(TEXT)
        assert server.counts == {"acme": 1}


def test_a_stream_says_the_same_in_pieces(protocol: str, transport: Transport) -> None:
    with faulty("ok") as server:
        chunks = list(client_of(server, protocol, transport).stream())
    whole = joined(chunks)
    assert whole.text == "".join(TEXT)
    assert [chunk.text for chunk in chunks if chunk.text] == list(TEXT)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == WRITTEN
    assert server.served[0].asked.stream


def test_an_answer_is_of_the_schema_that_was_asked_for(protocol: str, transport: Transport) -> None:
    with faulty("ok") as server:
        client = client_of(server, protocol, transport)
        with client.arguments() as arguments:
            called: Any = client.model.with_structured_output(Verdict, method="function_calling")
            (call,) = called.first.invoke(QUESTION, **arguments).tool_calls
            written: Any = client.model.with_structured_output(Verdict, method="json_schema")
            text = written.first.invoke(QUESTION, **arguments).text
    assert Verdict.model_validate(call["args"]) == Verdict.model_validate_json(text)
    assert [one.asked.wish.kind for one in server.served] == ["tool", "json"]


def test_a_tool_that_must_be_called_is_called(protocol: str, transport: Transport) -> None:
    with faulty("ok") as server:
        client = client_of(server, protocol, transport)
        with client.arguments() as arguments:
            model: Any = client.model.bind_tools([look_up], tool_choice="any")
            (call,) = model.invoke(QUESTION, **arguments).tool_calls
            streamed = joined(list(model.stream(QUESTION, **arguments)))
    assert (call["name"], call["args"]) == ("look_up", {"topic": "answer", "depth": 0})
    assert [(one["name"], one["args"]) for one in streamed.tool_calls] == [(call["name"], call["args"])]


def test_a_tool_that_may_be_called_is_not(protocol: str, transport: Transport) -> None:
    with faulty("ok") as server:
        client = client_of(server, protocol, transport)
        with client.arguments() as arguments:
            assert client.model.bind_tools([look_up]).invoke(QUESTION, **arguments).text == "".join(TEXT)
    assert server.served[0].asked.wish.kind == "text"


@pytest.mark.parametrize(("fault", "taken_for"), CLASSES.items())
def test_a_fault_is_taken_for_what_it_is(
    fault: str, taken_for: tuple[str, ...], protocol: str, transport: Transport
) -> None:
    with faulty(fault) as server:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
            client_of(server, protocol, transport).ask()
        assert failure_of(caught.value).failure_class in taken_for
        assert [one.fault for one in server.served] == [fault]


async def test_event_loops_meet_the_same_faults(protocol: str, transport: Transport) -> None:
    for fault in ("server_error", "connection_reset", "cut", "bad_json", "bad_key"):
        with faulty(fault) as server:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
                await client_of(server, protocol, transport).aask()
            assert failure_of(caught.value).failure_class in CLASSES[fault]


@pytest.mark.parametrize("fault", ["rate_limited_seconds", "rate_limited_date", "rate_limited_reset"])
def test_a_limit_says_when_to_come_back(fault: str, protocol: str, transport: Transport) -> None:
    with faulty(fault) as server, pytest.raises(Exception) as caught:  # noqa: PT011 - as above
        client_of(server, protocol, transport).ask()
    wait = failure_of(caught.value).retry_after_s
    assert wait is not None
    assert 0 <= wait <= 3


def test_nobody_listens_at_the_address_that_refuses(protocol: str, transport: Transport) -> None:
    with faulty(REFUSED) as server:
        server.origins["acme"] = server.refusing
        with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
            client_of(server, protocol, transport).ask()
        assert failure_of(caught.value).failure_class == "connection"
        assert not server.served


def test_a_silent_server_outlasts_the_patience_of_its_client(protocol: str, transport: Transport) -> None:
    for fault in ("slow_first_token", "stall"):
        with faulty(fault) as server:
            with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
                client_of(server, protocol, transport, timeout_s=0.1).ask()
            assert failure_of(caught.value).failure_class == "timeout"


def test_a_silence_passes_fast_on_a_fast_clock(protocol: str, transport: Transport) -> None:
    clock = FastClock(10_000.0)
    with faulty("slow_first_token", clock=clock, silence_s=500.0) as server:
        assert client_of(server, protocol, transport).ask().text == "".join(TEXT)
    assert clock.now() >= 500.0


def test_a_stream_that_breaks_off_has_said_something_before(protocol: str, transport: Transport) -> None:
    with faulty("cut") as server:
        chunks = client_of(server, protocol, transport).stream()
        heard: list[str] = []
        with pytest.raises(Exception) as caught:  # noqa: PT011 - what the SDK raises is its own affair
            heard.extend(chunk.text for chunk in chunks)
    assert failure_of(caught.value).failure_class == "connection"
    assert "".join(heard) == TEXT[0]


def test_a_stream_without_a_finish_reason_ends_cleanly(protocol: str, transport: Transport) -> None:
    with faulty("no_finish") as server:
        whole = joined(list(client_of(server, protocol, transport).stream()))
    assert whole.text == "".join(TEXT)
    assert not whole.response_metadata.get("finish_reason")
    assert not whole.response_metadata.get("stop_reason")


def test_an_answer_that_the_rules_cut_off_says_so(protocol: str, transport: Transport) -> None:
    with faulty("filtered_answer") as server:
        said = client_of(server, protocol, transport).ask().response_metadata
    assert {said.get("finish_reason"), said.get("stop_reason")} & {"content_filter", "SAFETY", "refusal"}


def test_arguments_that_break_off_make_no_tool_call(protocol: str, transport: Transport) -> None:
    with faulty("bad_tool_arguments") as server:
        client = client_of(server, protocol, transport)
        with client.arguments() as arguments:
            model: Any = client.model.bind_tools([look_up], tool_choice="any")
            answers = joined(list(model.stream(QUESTION, **arguments))), model.invoke(QUESTION, **arguments)
    calls = [call for answer in answers for call in answer.tool_calls]
    assert not [call for call in calls if set(call["args"]) == {"topic", "depth"}]


def test_what_asks_no_model_is_a_stray() -> None:
    asked = (("GET", "/v1/models", b""), ("GET", "/v1/chat/completions", b""), ("POST", "/v1/messages", b"?"))
    with faulty("ok") as server:
        connection = HTTPConnection(server.origins["acme"].removeprefix("http://"))
        for method, path, body in asked:
            connection.request(method, path, body)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (404, b'{"error": {"message": "nothing is here"}}')
        connection.close()
    assert [(one.method, one.target, one.body) for one in server.strays] == [*asked]
    assert not server.served


def test_each_provider_has_an_address_of_its_own(transport: Transport) -> None:
    def script(asked: Asked) -> str:
        return "server_error" if asked.provider == "acme" else "ok"

    with FaultServer(["acme", "nova"], script) as server:
        assert server.origins["acme"] != server.origins["nova"]
        with pytest.raises(Exception, match="500"):
            client_of(server, "openai_compatible", transport).ask()
        server.origins["acme"] = server.origins["nova"]
        assert client_of(server, "openai_compatible", transport).ask().text
        assert server.counts == {"acme": 1, "nova": 1}
        server.begin(script, clock=FastClock(), silence_s=1.0)
        assert not server.served


async def test_every_fault_can_be_played_to_every_protocol(protocol: str, transport: Transport) -> None:
    for fault in FAULTS:
        with faulty(fault, clock=FastClock(100_000.0)) as server:
            client = client_of(server, protocol, transport)
            with client.arguments() as arguments:
                wish: Any = client.model.with_structured_output(Verdict, method="function_calling")
                assert await failure_in(wish.first.astream(QUESTION, **arguments)) != "unknown"
            assert [one.fault for one in server.served] == [fault]


async def failure_in(stream: AsyncIterator[AIMessageChunk]) -> str | None:
    try:
        async for _ in stream:
            pass
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises
        return failure_of(error).failure_class
    return None


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    first, *others = chunks
    return sum(others, first) if others else first
