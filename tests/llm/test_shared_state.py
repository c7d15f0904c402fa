"""Workers that share circuits and rate limits over a server: what becomes of it fails no call."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from tests.llm.clocks import Sleepless
from tests.llm.rates.crowd import eventually
from tests.llm.services import HONOURS
from tests.servers.models import any_model
from tests.servers.running import PATIENCE_S
from tests.servers.running import running as serving
from tests.servers.valkey import valkey
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.running import RunningServer
    from tests.servers.valkey import RunningValkey
    from tests.servers.wire import Received

__all__ = ["valkey"]
THREADS, CALLS = 8, 40
MANY = {"match": ["*"], "payer": "platform", "limits": ["1000000/hour"]}
TABLES: dict[str, Any] = {
    "providers": {
        name: {
            "protocol": "openai_compatible",
            "base_url": "https://a.example/v1",
            "key_env": "A_API_KEY",
            "rates": [MANY],
        }
        for name in ("broken", "well")
    },
    "features": {"chat": {"about": "Chat"}},
    "profiles": {
        "premium": {
            "routes": {
                "chat": {
                    "provider": "broken",
                    "model": "down",
                    "fallbacks": [{"provider": "well", "model": "up"}],
                }
            }
        }
    },
}


def half_broken(received: Received) -> Answer:
    return Answer(b"{}", 503) if received.json["model"] == "down" else any_model(received)


@pytest.fixture
def provider() -> Iterator[RunningServer]:
    with serving(half_broken) as server:
        yield server


def worker(provider: RunningServer, valkey: RunningValkey) -> Any:  # noqa: ANN401 - Container() returns a DynamicContainer
    """A container as a worker of a product has one."""
    variables = {"A_API_KEY": "a-key"} | {
        f"{name}_BASE_URL": f"{provider.origin}/v1" for name in ("BROKEN", "WELL")
    }
    settings = Settings(variables=variables, redis_url=valkey.url)
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    return Container(settings=settings, profile_repository=repository, clock=Sleepless())


def served(container: Any) -> str:  # noqa: ANN401 - as above
    llm = container.llm_service().get_llm("chat")
    return str(llm.invoke("hello").response_metadata["pointsman"]["provider"])


async def aserved(container: Any, times: int) -> list[str]:  # noqa: ANN401 - as above
    llm = container.llm_service().get_llm("chat")
    answers = await asyncio.gather(*(llm.ainvoke("hello") for _ in range(times)))
    return [str(answer.response_metadata["pointsman"]["provider"]) for answer in answers]


def circuit_at(container: Any) -> str:  # noqa: ANN401 - as above
    """The circuit of the provider that is down, as this worker explains it. Nobody is asked."""
    return str(container.llm_service().explain("chat").hops[0].circuit)


@pytest.mark.parametrize("blow", ["kill", "freeze", "restart"])
def test_what_becomes_of_the_server_under_load_fails_no_call(
    blow: str, provider: RunningServer, valkey: RunningValkey
) -> None:
    with running(worker(provider, valkey)) as container, ThreadPoolExecutor(THREADS) as threads:
        assert served(container) == "well"
        load = [threads.submit(served, container) for _ in range(CALLS)]
        getattr(valkey, blow)()
        load += [threads.submit(served, container) for _ in range(CALLS)]
        assert [job.result(PATIENCE_S) for job in load] == ["well"] * 2 * CALLS
        assert asyncio.run(aserved(container, CALLS)) == ["well"] * CALLS
        valkey.restart()
        assert [served(container) for _ in range(THREADS)] == ["well"] * THREADS


def test_a_circuit_that_one_worker_opens_is_open_for_the_other(
    provider: RunningServer, valkey: RunningValkey
) -> None:
    with ExitStack() as both:
        one, other = (both.enter_context(running(worker(provider, valkey))) for _ in range(2))
        assert served(other) == "well", "two failures of five"
        for _ in range(3):
            assert served(one) == "well"

        eventually(lambda: circuit_at(other).startswith("open"))

        assert circuit_at(other).endswith("shared")


def test_a_server_that_is_not_there_at_the_start_fails_no_call(
    provider: RunningServer, valkey: RunningValkey
) -> None:
    valkey.kill()
    with running(worker(provider, valkey)) as container:
        assert served(container) == "well"
        assert container.llm_service().explain("chat").hops[1].circuit == "closed, local"
