"""A service whose providers are all at one local server, and two users who ask it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm import LLMService
    from tests.servers.running import RunningServer

USERS_KEY = "sk-users-canary"
ADA = RequestScope("ada", {"acme": USERS_KEY, "nova": USERS_KEY})
EVE = RequestScope("eve", {"acme": "sk-eve"})


@contextmanager
def service_at(server: RunningServer) -> Iterator[LLMService]:
    """A service whose three providers are all at one local server."""
    redirects = {f"{name}_BASE_URL": f"{server.origin}/v1" for name in ("ACME", "BROKER")}
    settings = Settings(variables={**TABLE_KEYS, **redirects, "NOVA_BASE_URL": server.origin})
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    with running(Container(settings=settings, profile_repository=repository)) as container:
        yield container.llm_service()


@pytest.fixture
def llm_service(server: RunningServer) -> Iterator[LLMService]:
    with service_at(server) as service:
        yield service


def keys_seen(server: RunningServer) -> list[str | None]:
    return [one.header("authorization") or one.header("x-goog-api-key") for one in server.received]
