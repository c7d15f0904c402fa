"""Workers that are spawned: what they are handed is a description, and they make a container of their own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from app.errors import ModelDetached
from tests.llm.crowd import QUESTION, container_at, key_of, user
from tests.llm.services import service
from tests.servers.fixtures import server
from tests.servers.models import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm import RequestScope
    from tests.servers.running import RunningServer

__all__ = ["server"]


@pytest.fixture(scope="module")
def workers() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def asked(model: BaseChatModel) -> str:
    return model.invoke(QUESTION).text


def described(model: BaseChatModel) -> str:
    return repr(model)


def named(scope: RequestScope) -> str | None:
    return scope.user_id


def asked_for(origin: str, number: int) -> str:
    """What a worker does: a container of its own, and the scope made anew from what the job says."""
    with container_at(origin) as container:
        return asked(container.llm_service().get_llm("gemini", scope=user(number)))


def test_a_model_arrives_in_a_worker_as_a_description_and_says_so_when_it_is_called(
    workers: ProcessPoolExecutor,
) -> None:
    model = service().get_llm("summary")
    assert workers.submit(described, model).result() == repr(model)
    with pytest.raises(ModelDetached, match="get_llm"):
        workers.submit(asked, model).result()


def test_R7_a_scope_doesnt_travel_to_a_worker(workers: ProcessPoolExecutor) -> None:
    with pytest.raises(TypeError, match="holds secrets and can't be pickled: make a new one there"):
        workers.submit(named, user(1)).result()


def test_a_worker_makes_a_container_of_its_own(workers: ProcessPoolExecutor, server: RunningServer) -> None:
    assert workers.submit(asked_for, server.origin, 7).result() == TEXT
    assert [one.header("x-goog-api-key") for one in server.received] == [key_of(7)]
