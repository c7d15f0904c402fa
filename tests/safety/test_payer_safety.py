"""No secret reaches a server that it doesn't belong to, and nobody pays who wasn't named before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.safety.moves import finales, moves
from tests.safety.providers_at_hand import provider_servers
from tests.safety.stage import staged
from tests.safety.worlds import SERVERS, worlds

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
@given(world=worlds(), played=moves, finale=finales)
def test_R5_R6_R7_R8_whatever_happens_each_secret_stays_with_its_server_and_its_payer(
    servers: ProviderServers, world: World, played: list[Move], finale: list[Move]
) -> None:
    with staged(world, servers) as stage:
        for move in [*played, *finale]:
            stage.play(move)
