"""Races at random, over the real SDKs: what servers see is what records say, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from app.errors import PointsmanError
from app.llm.clock import SystemClock
from app.llm.running.hedging_shares import Shares
from app.llm.running.latencies import ENOUGH, Kind, Latencies, Usual
from app.testing.faults.server import FaultServer
from tests.llm.running.hedged import (
    ANTHROPIC,
    GEMINI,
    NAMES,
    NOTHING,
    OPENAI,
    QUESTION,
    WAYS,
    asked,
    hedged_at,
)

if TYPE_CHECKING:
    from app.llm.running.record import AttemptRecord
    from app.testing.faults.asked import Asked
    from tests.llm.running.hedged import Hedged

CALLS, AT_ONE_TIME = 160, 8
FAULTS = ("ok",) * 6 + ("unavailable", "empty_body", "bad_json", "cut") + ("slow_first_token",) * 3


class SometimesLate(Latencies):
    """What is usual is nothing, or a little."""

    def usual(self, kind: Kind) -> Usual:
        return Usual(ENOUGH, random.choice((0.0, 0.002, 0.01)))  # noqa: S311 - a test's


class Unlimited(Shares):
    """Every call may be hedged."""

    def take(self, feature: str) -> bool:
        return True

    def has(self, feature: str) -> bool:
        return True


async def given_up(hedged: Hedged) -> None:
    """A call that nobody waits for, after a moment."""
    call = asyncio.create_task(hedged.model().ainvoke(QUESTION))
    await asyncio.sleep(random.choice((0.0, 0.003, 0.01)))  # noqa: S311 - as above
    call.cancel()
    with suppress(asyncio.CancelledError, PointsmanError):
        await call


async def left(hedged: Hedged) -> None:
    """A stream that nobody reads to its end."""
    stream: Any = hedged.model().astream(QUESTION)
    with suppress(PointsmanError):
        await anext(stream)
    await stream.aclose()


def left_in_a_thread(hedged: Hedged) -> None:
    stream: Any = hedged.model().stream(QUESTION)
    with suppress(PointsmanError):
        next(stream)
    stream.close()


def is_sure_to_have_arrived(attempt: AttemptRecord) -> bool:
    """Whether a request wasn't given up, by us or by the connection, before its bytes were written."""
    return attempt.outcome != "cancelled" and attempt.failure_class not in {"timeout", "connection"}


async def some_call(hedged: Hedged, number: int) -> None:
    """Make one of all kinds of calls."""
    ways = (*WAYS, "given_up", "left", "left_in_a_thread")
    way = ways[number % len(ways)]
    if way == "given_up":
        await given_up(hedged)
    elif way == "left":
        await left(hedged)
    elif way == "left_in_a_thread":
        await asyncio.to_thread(left_in_a_thread, hedged)
    else:
        call = asked(hedged.model(), way)
        with suppress(PointsmanError):
            await (call if way.startswith("a") else asyncio.to_thread(asyncio.run, call))


async def test_servers_see_the_requests_that_records_hold_however_races_end() -> None:
    dice = random.Random(4)  # noqa: S311 - a test's

    def script(asked: Asked) -> str:
        return dice.choice(FAULTS)

    with (
        FaultServer(NAMES, script) as server,
        hedged_at(
            [server.origins[name] for name in NAMES],
            (OPENAI, ANTHROPIC, GEMINI),
            attempts=4,
            deadline_s=1.0,
        ) as hedged,
    ):
        hedged.hedging.latencies, hedged.hedging.shares = SometimesLate(SystemClock()), Unlimited()
        turns = asyncio.Semaphore(AT_ONE_TIME)

        async def in_turn(number: int) -> None:
            async with turns:
                await some_call(hedged, number)

        await asyncio.gather(*map(in_turn, range(CALLS)))
        assert hedged.under_way == NOTHING
        hedged.container.call_teller().close()
        attempts = [one for record in hedged.records for one in record.attempts]
        recorded = Counter(one.provider for one in attempts if one.requests)
        certain = Counter(one.provider for one in attempts if one.requests and is_sure_to_have_arrived(one))

        given_up_at_once = CALLS - len(hedged.records)  # before LangChain began them
        assert 0 <= given_up_at_once <= CALLS / 7
        assert all(record.outcome != "under_way" for record in hedged.records)
        assert all(one.outcome != "under_way" and one.requests <= 1 for one in attempts)
        assert all(len(record.attempts) <= 4 for record in hedged.records)
        for name in NAMES:
            assert certain[name] <= server.counts[name] <= recorded[name]
        assert sum(one.hedge for one in attempts) > CALLS / 8
    assert "pointsman-hedging" not in [one.name for one in threading.enumerate()]
