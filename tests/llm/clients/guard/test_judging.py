"""The guard's parts where no call leads: the system's own name service, and what nobody may ask of a pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import TransportRefused, UserEndpointRefused
from app.llm.clients.guard.awaiting import GuardedConnector
from app.llm.clients.guard.judging import Guard
from app.llm.clients.guard.naming import system_names
from app.llm.clients.guard.network import JudgedNetwork
from app.llm.clients.guard.ranges import objection_to
from app.llm.clients.sockets import OpenSockets
from tests.llm.clients.guard.own_endpoints import NameService, guard
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from app.llm.clients.guard.judging import Reach
    from tests.servers.running import RunningServer

__all__ = ["server"]


def test_the_system_knows_this_machine() -> None:
    assert set(system_names("localhost", 80)) & {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_host_that_cant_be_asked_for_has_no_address(host: str) -> None:
    with pytest.raises(OSError, match=r"can't be asked for|Name|name"):
        system_names(host, 443)


def test_no_endpoint_is_a_file_of_this_machine() -> None:
    with pytest.raises(TransportRefused, match="a file of this machine"):
        JudgedNetwork(Guard(), "opened", OpenSockets()).connect_unix_socket("/run/some.sock")


def test_what_isnt_an_address_isnt_this_machine() -> None:
    names = NameService(llm_example=["nonsense"])
    with pytest.raises(UserEndpointRefused, match="not on this machine"):
        guard(names, loopback=True).addresses("llm.example", 80, "loopback")


@given(st.ip_addresses(v=4).map(str))
def test_R5_an_ipv4_address_is_as_public_inside_ipv6_as_none_at_all(address: str) -> None:
    parts = [int(part) for part in address.split(".")]
    high, low = parts[0] * 256 + parts[1], parts[2] * 256 + parts[3]
    carriers = (
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{high:x}:{low:x}::1",
        f"2001::{high:x}:{low:x}",
        f"2606:2800:220::5efe:{address}",
    )
    assert all(objection_to(carrier) for carrier in carriers)


@given(st.ip_addresses())
def test_R5_no_address_is_public_that_python_calls_private_or_special(address: object) -> None:
    special = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_reserved", "is_unspecified")
    if any(getattr(address, name) for name in special) or getattr(address, "is_site_local", False):
        assert objection_to(str(address)) is not None


class Careless(Guard):
    """A guard that forgets to judge what a name leads to."""

    def addresses(self, host: str, port: int, reach: Reach) -> list[str]:
        return [host]


async def test_R5_an_address_is_judged_at_the_last_moment_too(server: RunningServer) -> None:
    port = int(server.origin.rpartition(":")[2])
    async with aiohttp.ClientSession(connector=GuardedConnector(Careless(), "public")) as session:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(UserEndpointRefused, match=r"loopback|no address"):
                await session.get(f"http://{host}:{port}")
    with pytest.raises(UserEndpointRefused, match="loopback"):
        JudgedNetwork(Careless(), "public", OpenSockets()).connect_tcp("127.0.0.1", port)
    assert server.connections == 0
