"""No secret reaches a server that it doesn't belong to, and nobody pays who wasn't named before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.safety.moves import finale, finales, moves
from tests.safety.providers_at_hand import provider_servers
from tests.safety.rogues import ROGUES
from tests.safety.stage import staged
from tests.safety.worlds import PROTOCOLS, SERVERS, world_of, worlds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.safety.moves import Move
    from tests.safety.providers_at_hand import ProviderServers
    from tests.safety.worlds import World


@pytest.fixture(scope="module")
def servers() -> Iterator[ProviderServers]:
    with provider_servers(*SERVERS) as all_of_them:
        yield all_of_them


@settings(max_examples=200)
@given(world=worlds(), played=moves, last=finales)
def test_R5_R6_R7_R8_whatever_happens_each_secret_stays_with_its_server_and_its_payer(
    servers: ProviderServers, world: World, played: list[Move], last: list[Move]
) -> None:
    with staged(world, servers) as stage:
        for move in [*played, *last]:
            stage.play(move)


@pytest.mark.parametrize("protocol", [*PROTOCOLS, *ROGUES])
def test_R5_R7_R8_so_it_is_where_every_provider_speaks_one_protocol_or_is_one_rogue(
    servers: ProviderServers, protocol: str
) -> None:
    with staged(world_of(protocol), servers) as stage:
        for move in finale("draft"):
            stage.play(move)
