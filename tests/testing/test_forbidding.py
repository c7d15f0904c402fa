"""A ban on real requests: nothing leaves, in whichever way it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.errors import RealRequestForbidden
from app.llm import InMemoryProfileRepository, RequestScope
from app.llm.clients.transport import Transport
from app.settings import Settings
from app.testing.forbidding import forbid_real_requests, is_this_machine
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.running import RunningServer

__all__ = ["server"]

Parts = Any
"""A container: `Container()` returns a dynamic one, whose attributes no type checker knows."""
LOCAL = RequestScope("ada", {"acme": "sk-ada"})


def product(**variables: str) -> Parts:
    return Container(
        settings=Settings(variables=TABLE_KEYS | variables),
        profile_repository=InMemoryProfileRepository(TABLES, HONOURS),
    )


@pytest.fixture
def container() -> Iterator[Parts]:
    with running(product()) as one:
        yield one


async def test_nothing_leaves(container: Parts) -> None:
    forbid_real_requests(container)
    model = container.llm_service().get_llm("guard")
    said = r"one would go to provider 'acme' at api.acme.example: .*answering.*ACME_BASE_URL"
    with pytest.raises(RealRequestForbidden, match=said):
        model.invoke("?")
    with pytest.raises(RealRequestForbidden, match=said):
        await model.ainvoke("?")
    with pytest.raises(RealRequestForbidden, match=said):
        list(model.stream("?"))
    with pytest.raises(RealRequestForbidden, match=said):
        [chunk async for chunk in model.astream("?")]


async def test_requests_to_this_machine_may_leave_where_that_is_allowed(server: RunningServer) -> None:
    with running(product(ACME_BASE_URL=f"{server.origin}/v1")) as container:
        with forbid_real_requests(container), pytest.raises(RealRequestForbidden, match=r"127\.0\.0\.1"):
            container.llm_service().get_llm("guard").invoke("?")
        with forbid_real_requests(container, allow_loopback=True):
            model = container.llm_service().get_llm("guard")
            assert [model.invoke("?").text, (await model.ainvoke("?")).text] == ["Hello there"] * 2
            with pytest.raises(RealRequestForbidden, match="nova"):
                container.llm_service().get_llm("chat").invoke("?")
    assert len(server.received) == 2


def test_the_ban_ends_with_its_block(container: Parts) -> None:
    transport = container.transport()
    with forbid_real_requests(container):
        assert container.transport() is not transport
    assert container.transport() is transport


def test_given_the_class_it_holds_for_the_containers_that_are_made_from_then_on() -> None:
    with forbid_real_requests(Container):
        first, second = product(), product()
        for one in (first, second):
            with pytest.raises(RealRequestForbidden):
                one.llm_service().get_llm("guard").invoke("?")
        assert first.transport() is not second.transport()
    assert type(product().transport()) is Transport


def test_a_request_that_is_under_no_ticket_is_forbidden_too(container: Parts) -> None:
    forbid_real_requests(container)
    client = container.transport().client()
    with pytest.raises(RealRequestForbidden, match=r"one would go to api\.example"):
        client.send(client.build_request("GET", "https://api.example/models"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_known(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "api.openai.com", "localhost.example", "0.0.0.0"])  # noqa: S104 - no binding
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_this_machine(host)
