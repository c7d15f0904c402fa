"""Every spelling of a place that no user may have us call is refused, on the way that real calls take."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from app.errors import ModelCallFailed, UserEndpointRefused
from app.llm import UserEndpoint
from app.llm.clients.transport import Transport
from tests.llm.clients.guard.own_endpoints import (
    FEATURE,
    OWN_KEY,
    NameService,
    at,
    guard,
    sent_to,
    service_with,
)
from tests.llm.clients.guard.spellings import ALLOWED, PUBLIC, PUBLIC_6, REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.language_models import BaseChatModel

HOSTS = ("llm.example", "localhost", "metadata.google.internal", "xn--bcher-kva.example", "my_llm.example")


def names(addresses: Sequence[str]) -> NameService:
    service = NameService()
    for host in HOSTS:
        service.then(host, addresses)
    return service


def asked(model: BaseChatModel) -> None:
    model.invoke("hi")


def asked_in_a_loop(model: BaseChatModel) -> None:
    asyncio.run(model.ainvoke("hi"))


CONNECTING = rf'connect\(\) with host "({re.escape(PUBLIC)}|{PUBLIC_6})"'
BOTH_WAYS = pytest.mark.parametrize("ask", [asked, asked_in_a_loop])


def test_the_table_is_as_long_as_it_has_to_be() -> None:
    assert len(set(REFUSED)) >= 60
    assert len(set(ALLOWED)) >= 5


@BOTH_WAYS
@pytest.mark.parametrize(("url", "addresses", "reason"), REFUSED, ids=lambda value: ascii(value)[:60])
def test_R5_an_endpoint_is_refused_in_every_spelling_of_a_place_that_isnt_public(
    url: str, addresses: Sequence[str], reason: str, ask: Callable[[BaseChatModel], None]
) -> None:
    with pytest.raises(UserEndpointRefused) as refusal, service_with(guard(names(addresses))) as service:
        ask(service.get_llm(FEATURE, scope=at(url)))
    assert reason in refusal.value.reason
    assert OWN_KEY not in str(refusal.value)


@pytest.mark.parametrize(("url", "addresses"), ALLOWED, ids=lambda value: ascii(value)[:60])
async def test_a_public_endpoint_is_connected_to_at_the_address_that_was_judged(
    url: str, addresses: Sequence[str]
) -> None:
    transport = Transport(guard(names(addresses)))
    with sent_to(transport, UserEndpoint(url, "home-made", OWN_KEY)) as (where, headers):
        # Tests may connect to this machine only: pytest-socket says where a connection was about to go.
        with pytest.raises(RuntimeError, match=CONNECTING):
            transport.client().post(where, headers=headers)
        with pytest.raises(RuntimeError, match=CONNECTING):
            await transport.async_client().post(where, headers=headers)
    transport.close()


@BOTH_WAYS
def test_a_name_that_leads_nowhere_is_a_failed_connection(ask: Callable[[BaseChatModel], None]) -> None:
    with service_with(guard()) as service, pytest.raises(ModelCallFailed) as failed:
        ask(service.get_llm(FEATURE, scope=at("https://nowhere.example")))
    assert failed.value.failure_class == "connection"
    assert OWN_KEY not in str(failed.value)


@BOTH_WAYS
def test_a_name_without_any_address_is_a_failed_connection(ask: Callable[[BaseChatModel], None]) -> None:
    with service_with(guard(names([]))) as service, pytest.raises(ModelCallFailed) as failed:
        ask(service.get_llm(FEATURE, scope=at("https://llm.example")))
    assert failed.value.failure_class == "connection"
