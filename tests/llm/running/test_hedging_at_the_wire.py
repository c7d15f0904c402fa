"""Two requests at once, over the real SDKs: who answers first serves, and the other one is gone at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.llm.running.latencies import ENOUGH, Usual
from tests.llm.running.hedged import (
    AT_ONCE,
    NEVER,
    NOTHING,
    PAIRS,
    WAYS,
    after,
    asked,
    chunks_of,
    doing,
    first,
    hedged_at,
    outcomes,
    requests,
    second,
    silent,
)
from tests.servers.models import TEXT, held_back
from tests.servers.wire import Gate

if TYPE_CHECKING:
    from tests.servers.running import RunningServer


__all__ = ["first", "second"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocols", PAIRS)
async def test_a_first_hop_that_is_slower_than_usual_is_overtaken_and_left_at_once(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    first.script = silent
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        answer = await asked(hedged.model(), way)
        decision = answer.response_metadata["pointsman"]

        assert first.next_interruption() == 1
        assert (answer.text, decision["hop"], decision["degraded_because"]) == (TEXT, 2, "slow")
        assert outcomes(decision["attempts"]) == [(1, "cancelled", False), (2, "answered", True)]
        assert requests(decision["attempts"]) == len(first.received) + len(second.received) == 2
        assert hedged.under_way == NOTHING
        record = hedged.told()
        assert (record.outcome, record.served_by) == ("answered", 2)
        assert outcomes(record.evidence()["attempts"]) == outcomes(decision["attempts"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocols", PAIRS)
async def test_a_first_hop_that_answers_after_all_serves_and_the_second_is_left_at_once(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    gate = Gate()
    first.script, second.script = after(gate), doing(gate.open, silent)
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        answer = await asked(hedged.model(), way)
        decision = answer.response_metadata["pointsman"]

        assert second.next_interruption() == 1
        assert (answer.text, decision["hop"], decision["degraded_because"]) == (TEXT, 1, None)
        assert outcomes(decision["attempts"]) == [(1, "answered", False), (2, "cancelled", True)]
        assert requests(decision["attempts"]) == len(first.received) + len(second.received) == 2
        assert hedged.under_way == NOTHING
        assert hedged.told().served_by == 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_first_hop_that_is_as_fast_as_usual_gets_no_company(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    with hedged_at((first, second)) as hedged:
        hedged.usually(NEVER)
        answer = await asked(hedged.model(), way)

        assert outcomes(answer.response_metadata["pointsman"]["attempts"]) == [(1, "answered", False)]
        assert (len(first.received), len(second.received)) == (1, 0)
        assert hedged.hedging.shares.has("chat"), "what wasn't made is still there"


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_hedged_before_enough_answers_were_seen(
    first: RunningServer, second: RunningServer, way: str
) -> None:
    with hedged_at((first, second)) as hedged:
        streaming = "stream" in way
        for number in range(ENOUGH):
            assert hedged.pace(streaming=streaming) == Usual(number, None)
            await asked(hedged.model(), way)
        samples, p95 = hedged.pace(streaming=streaming)
        assert (samples, second.received) == (ENOUGH, [])
        assert p95 is not None
        assert hedged.pace(streaming=not streaming) == Usual(0, None), "streams and answers aren't compared"

        first.script = silent
        answer = await asked(hedged.model(), way)
        assert answer.response_metadata["pointsman"]["hop"] == 2
        assert hedged.pace(streaming=streaming).samples == ENOUGH + 1, "what was cut off counts as slow"
        assert hedged.pace(streaming=streaming, hop=2).samples == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("protocols", PAIRS)
async def test_a_stream_has_won_with_its_first_content_and_nothing_is_lost_or_doubled(
    first: RunningServer, second: RunningServer, protocols: tuple[str, str], way: str
) -> None:
    gate = Gate()
    first.script, second.script = silent, lambda received: held_back(received, gate)
    with hedged_at((first, second), protocols) as hedged:
        hedged.usually(AT_ONCE)
        texts: list[str] = []
        async for chunk in chunks_of(hedged.model(), way):
            if not texts:
                assert first.next_interruption() == 1, "the loser is gone while the winner goes on"
                gate.open()
            texts.append(chunk.text)
        assert "".join(texts) == TEXT
        assert hedged.under_way == NOTHING
