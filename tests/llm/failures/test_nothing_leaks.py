"""What reaches a caller is rebuilt from safe fields: no key, no exception of an SDK, no frame of one."""

from __future__ import annotations

import pickle
import traceback
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.errors import ModelCallFailed, Original, PlatformKeyRejected, TransportRefused, UserKeyRejected
from tests.llm.failures.calling import ADA, PLATFORM_KEY, PROTOCOLS, USERS_KEY, WAYS, failure_of, service_at
from tests.servers.models import as_json
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm import LLMService
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

SAID = "incorrect API key provided"


def echo(received: Received) -> Answer:
    """Refuse a key, and say it wherever an answer has room for it."""
    sent = (
        received.header("authorization") or received.header("x-api-key") or received.header("x-goog-api-key")
    )
    key = (sent or "").removeprefix("Bearer ")
    detail = {"reason": key, "error_code": key}
    error = {"message": f"{SAID}: {key}, {sent}, {key[:-3]}***", "code": key, "type": key, "status": key}
    body = {"error": {**error, "details": [detail]}, "request_id": key}
    return Answer(as_json(body), status=401, headers={"x-request-id": key, "request-id": f"req.{key}"})


def given(answer: Answer, _: Received) -> Answer:
    return answer


def everything_about(error: BaseException) -> Iterator[str]:
    """What an error reporter would show: texts, fields, and the variables of every frame but a test's."""
    assert (error.__cause__, error.__context__) == (None, None)
    yield f"{error!r} {error} {vars(error)!r} {pickle.dumps(error)!r}"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(__file__).parents[2] not in Path(frame.f_code.co_filename).parents:
            yield repr(frame.f_locals)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R17_a_key_that_a_provider_says_back_is_nowhere_in_the_error(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = echo
    for way in WAYS:
        for scope, key, kind in (
            (ADA, USERS_KEY, UserKeyRejected),
            (None, PLATFORM_KEY, PlatformKeyRejected),
        ):
            error = await failure_of(service, protocol, way, scope)
            assert type(error) is kind
            shown = "".join(everything_about(error))
            assert key not in shown
            assert key[:-3] not in shown
            assert (error.code, error.request_id, error.reason) == (None, None, "invalid")
            assert error.original is not None
            assert SAID in error.original.message
            assert key[:12] not in error.original.message
            assert SAID not in shown, "a message of a provider's is asked for, never shown"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R17_no_frame_and_no_exception_of_an_sdk_is_within_reach(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    for answer in (Answer(b"", status=500), Answer(b"<html>")):
        provider.script = partial(given, answer)
        for way in WAYS:
            error = await failure_of(service, protocol, way)
            passed = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
            libraries = [name for name in passed if "site-packages" in name and "langchain_core" not in name]
            assert libraries == []
            assert not any(isinstance(value, BaseException) for value in vars(error).values())


async def test_R17_the_original_is_there_for_debugging(provider: RunningServer, service: LLMService) -> None:
    provider.script = lambda _: Answer(
        as_json({"error": {"message": "no such model", "code": "model_not_found"}}),
        status=404,
        headers={"x-request-id": "req_42"},
    )
    error = await failure_of(service, "openai_compatible", "invoke")

    assert isinstance(error, ModelCallFailed)
    original = error.original
    assert original is not None
    assert (original.type, original.status) == ("openai.NotFoundError", 404)
    assert "no such model" in original.message
    assert any(
        place.startswith("llm/routed_model.py:") or "routed_model.py" in place for place in original.places
    )
    assert any("openai/_base_client.py" in place for place in original.places)
    assert "no such model" not in f"{original} {original!r} {error} {error!r}"
    assert (error.request_id, error.code) == ("req_42", "model_not_found")
    assert "request req_42" in str(error)


def test_R17_the_message_of_the_original_stays_in_its_process() -> None:
    original = Original("a.B", "what was said", 400, ("c.py:1",), ("d.E",))

    loaded = pickle.loads(pickle.dumps(original))  # noqa: S301 - our own

    assert loaded == Original("a.B", "", 400, ("c.py:1",), ("d.E",))


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R17_a_refusal_of_the_transport_comes_without_the_frames_that_it_passed(
    protocol: str, provider: RunningServer
) -> None:
    impossible = f"{PLATFORM_KEY}\nX-Evil: 1"
    with service_at(provider, impossible) as service:
        for way in WAYS:
            error = await failure_of(service, protocol, way)
            assert isinstance(error, TransportRefused)
            assert PLATFORM_KEY not in "".join(everything_about(error))
