"""R10: what the servers see is what is recorded, request for request, whatever happens to calls.

`python -m tests.llm.ten_thousand_calls` does the same ten times as often, and prints the figures.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.llm.running.accounts import differences, recorded, seen
from tests.llm.running.errands import Errand, Office, calls_of, office
from tests.llm.ten_thousand_calls import drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLS, GIVEN_UP = 1000, 200


def test_R10_the_servers_see_each_recorded_request_and_no_other() -> None:
    errands = list(drawn(CALLS, seed=1))
    with office(seed=1) as at:
        at.run(errands[::2], errands[1::2])
    assert differences(at, errands) == []
    assert len(at.records) == sum(len(calls_of(errand)) for errand in errands), "each call is told once"
    ended = {one.outcome for record in at.records for one in record.attempts}
    assert ended == {"answered", "failed", "abandoned", "cancelled"}, "all of it has happened"
    assert {one.payer for record in at.records for one in record.attempts} == {"user", "platform"}
    assert len(at.providers.faults) > 20


async def give_up_anywhere(at: Office, errands: Sequence[Errand]) -> None:
    """Cancel each errand after a number of the loop's turns: before, at and behind its requests."""
    for errand in errands:
        task = asyncio.create_task(at.ado(errand))
        for _ in range(errand.number % 40):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_R10_no_request_goes_unrecorded_wherever_its_call_is_cancelled() -> None:
    errands = [Errand.drawn(number, in_a_loop=True, seed=2) for number in range(GIVEN_UP)]
    with office(seed=2) as at:
        asyncio.run(give_up_anywhere(at, errands))
    ours, theirs = recorded(at.records), seen(at.providers.seen)
    assert {errand: found for errand, found in theirs.items() if not found <= ours.get(errand, found)} == {}
    assert theirs.keys() <= ours.keys()
    assert {record.outcome for record in at.records} >= {"answered", "cancelled"}
    assert "under_way" not in {one.outcome for record in at.records for one in record.attempts}
