"""One provider at a fault server, and a client of each protocol that asks it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from app.llm.failures import classify
from app.testing.faults.server import FaultServer
from tests.llm.providers.adapters import adapters, caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.clients.transport import Transport
    from app.llm.failures import Failure
    from tests.llm.providers.adapters import Caller

ADAPTERS = {adapter.name: adapter for adapter in adapters()}
PROTOCOLS = sorted(ADAPTERS)


class Verdict(BaseModel):
    """What is thought of something."""

    topic: str = Field(description="What it is about")
    score: float
    tags: list[str]


def look_up(topic: str, depth: int) -> str:
    """Look a topic up."""
    return topic * depth


def client_of(server: FaultServer, protocol: str, transport: Transport, **options: Any) -> Caller:
    return caller(ADAPTERS[protocol], server.origins["acme"], transport, **options)


@contextmanager
def faulty(fault: str, **more: Any) -> Iterator[FaultServer]:
    """A server whose every answer has one fault."""
    with FaultServer(["acme"], lambda _: fault, **more) as server:
        yield server


def failure_of(error: BaseException) -> Failure:
    """Return what a failure is taken for; a request had left."""
    return classify(error, answered=True)
