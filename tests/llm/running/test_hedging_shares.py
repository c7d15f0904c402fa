"""How many calls are hedged: never more than the feature's share of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from app.llm.clock import SystemClock
from app.llm.running.hedging_shares import MOST_SAVED, Shares
from app.llm.running.latencies import ENOUGH, Kind, Latencies, Usual
from tests.llm.running.hedged import AT_ONCE, WAYS, asked, first, hedged_at, second

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers.running import RunningServer

__all__ = ["first", "second"]


@given(
    share=st.floats(min_value=0.001, max_value=0.5),
    wishes=st.lists(st.booleans(), max_size=300),
)
def test_there_are_never_more_hedges_than_the_share_of_calls(share: float, wishes: Sequence[bool]) -> None:
    shares, hedges = Shares(), 0
    for calls, wished in enumerate(wishes, 1):
        shares.called("chat", share)
        if wished:
            could = shares.has("chat")
            assert shares.take("chat") == could
            hedges += could
        assert hedges <= share * calls + 1e-9


def test_what_is_saved_up_is_little_and_no_other_features() -> None:
    shares = Shares()
    for _ in range(1000):
        shares.called("chat", 0.5)
    assert [shares.take("chat") for _ in range(int(MOST_SAVED) + 1)] == [True] * int(MOST_SAVED) + [False]
    assert not shares.take("summary")
    shares.put_back("chat")
    assert shares.take("chat")


class AlwaysLate(Latencies):
    """Every first hop is slower than usual."""

    def usual(self, kind: Kind) -> Usual:
        return Usual(ENOUGH, AT_ONCE)


async def test_at_the_wire_the_share_holds_however_slow_everything_is(
    first: RunningServer, second: RunningServer
) -> None:
    with hedged_at((first, second), hedge={"share": 0.1}) as hedged:
        hedged.hedging.latencies = AlwaysLate(SystemClock())
        hedges = 0
        for calls in range(1, 41):
            answer = await asked(hedged.model(), WAYS[calls % 4])
            hedges += len(answer.response_metadata["pointsman"]["attempts"]) - 1
            assert hedges <= 0.1 * calls
        assert hedges in {3, 4}
        assert len(second.received) <= hedges
