from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

from app.errors import LocalModelMissing
from app.llm.local import EmbeddedServer, find_weights

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _weights() -> None:
    try:
        find_weights()
    except LocalModelMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def running(_weights: None) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(slots=2, context_tokens=512) as server:
        yield server


@pytest.fixture
def new_server(_weights: None) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(slots=2, context_tokens=512)
    yield server
    server.close()


@pytest.fixture
def client(running: EmbeddedServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=running.start(), api_key="not used", max_retries=0) as client:
        yield client
