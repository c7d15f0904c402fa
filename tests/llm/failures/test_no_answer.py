"""What becomes of a call that gets no answer: too late, nobody there, a stranger there, or given up."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from app.errors import ModelCallFailed, PointsmanError, ProviderTimeout, ProviderUnavailable, ResourceClosed
from tests.llm.failures.calling import PROTOCOLS, WAYS, failure_of, service_at
from tests.servers.certificates import self_signed
from tests.servers.models import any_model, held_back
from tests.servers.running import RunningServer, running
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.llm import LLMService


@pytest.fixture(scope="module")
def hurried(provider: RunningServer) -> Iterator[LLMService]:
    """A service that waits a tenth of a second for an answer."""
    with service_at(provider, deadline_s=0.1) as given:
        yield given


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R18_an_answer_that_comes_too_late_is_a_timeout(
    protocol: str, provider: RunningServer, hurried: LLMService
) -> None:
    provider.script = lambda _: Answer(delay_s=20)
    for way in WAYS:
        error = await failure_of(hurried, protocol, way)
        assert type(error) is ProviderTimeout, f"{way}: {error!r}"
        assert (error.status, error.http_status) == (None, 504)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_deadline_that_has_passed_is_a_timeout_and_nothing_is_sent(
    protocol: str, provider: RunningServer
) -> None:
    provider.received.clear()
    with service_at(provider, deadline_s=1e-6, attempts=2) as late:
        for way in WAYS:
            error = await failure_of(late, protocol, way)
            assert type(error) is ProviderTimeout, f"{way}: {error!r}"
            assert error.attempts == 1
    assert provider.received == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R18_nobody_there_is_a_connection_that_failed(protocol: str) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        nobody = RunningServer(any_model)
        nobody.origin = f"http://127.0.0.1:{one.getsockname()[1]}"
        with service_at(nobody) as service:
            for way in WAYS:
                error = await failure_of(service, protocol, way)
                assert type(error) is ProviderUnavailable, f"{way}: {error!r}"
                assert error.failure_class == "connection"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_R18_a_stranger_there_is_a_connection_that_failed(protocol: str, tmp_path: Path) -> None:
    certificate = tmp_path / "own.pem"
    certificate.write_bytes(self_signed("127.0.0.1"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    with running(any_model, tls=tls) as stranger, service_at(stranger) as service:
        for way in WAYS:
            error = await failure_of(service, protocol, way)
            assert type(error) is ProviderUnavailable, f"{way}: {error!r}"
            assert stranger.received == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_call_that_its_caller_gives_up_ends_as_cancelled(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    gate = Gate()
    provider.script = lambda received: held_back(received, gate)
    model = service.get_llm(protocol)

    async def listen() -> None:
        async for chunk in model.astream("hello"):
            if chunk.text:
                heard.set()

    heard = asyncio.Event()
    task = asyncio.create_task(listen())
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_its_caller_leaves_is_no_failure(
    protocol: str, provider: RunningServer, service: LLMService
) -> None:
    provider.script = any_model
    stream = service.get_llm(protocol).stream("hello")

    next(stream)
    stream.close()  # type: ignore[attr-defined]  # LangChain types its generator as an iterator


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_closed_container_says_so_and_nothing_of_an_sdk(
    protocol: str, provider: RunningServer
) -> None:
    with service_at(provider) as service:
        models = [service.get_llm(protocol) for _ in range(2)]
    for model in models:
        with pytest.raises(PointsmanError) as caught:
            await model.ainvoke("hello")
        assert isinstance(caught.value, ResourceClosed)
        assert not isinstance(caught.value, ModelCallFailed)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
