"""A call that is given up leaves its connection at once, at whichever hop it is, and is recorded so."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from tests.llm.clocks import Sleepless
from tests.llm.running.hops import HOPS, QUESTION, provider_of, three_hops
from tests.servers.models import SSE, any_model, event, events_for, held_back
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from app.llm.running.record import CallRecord
    from tests.llm.running.hops import ThreeHops
    from tests.servers.wire import Received


class Gist(BaseModel):
    """What it is about."""

    about: str


def unfinished(received: Received) -> Answer:
    """Answer a stream with its first half and anything else with nothing, for ever."""
    return held_back(received, Gate()) if events_for(received) else Answer(parts=[Gate()])


@pytest.fixture(scope="module")
def served() -> Iterator[ThreeHops]:
    with three_hops(attempts=3) as plan:
        yield plan


@pytest.fixture(params=[1, 2, 3], ids=["at hop 1", "at hop 2", "at hop 3"])
def plan(served: ThreeHops, request: pytest.FixtureRequest) -> ThreeHops:
    """A plan whose nth hop begins its answer and never ends it; those before it fail."""
    served.begin()
    served.only(request.param, unfinished)
    return served


def reached(plan: ThreeHops) -> str:
    """Return the provider that doesn't finish its answer, after it was asked."""
    slow = HOPS[len(plan.answers) - 1]
    while provider_of(plan.server.next_arrival()) != slow:
        """Those before it fail."""
    return slow


def check(plan: ThreeHops, *ended: str) -> None:
    """The connection was left, nothing is under way, the record says how it ended, a next call is served."""
    number = plan.server.next_interruption()
    slow = list(plan.answers)[-1]
    assert any(one.connection == number and provider_of(one) == slow for one in plan.server.received)
    assert "calls under way: 0" in repr(plan.container.transport())
    given_up = plan.next_record()
    assert given_up.outcome in ended
    check_record(given_up, len(plan.asked))
    plan.answers = {}
    assert plan.model.invoke(QUESTION).response_metadata["pointsman"]["hop"] == 1
    assert plan.next_record().outcome == "answered"


def check_record(record: CallRecord, asked: int) -> None:
    assert record.served_by is None
    assert [one.outcome for one in record.attempts] == [*["failed"] * (asked - 1), record.outcome]
    assert [one.hop for one in record.attempts] == list(range(1, asked + 1))
    assert [one.requests for one in record.attempts] == [1] * asked
    assert record.degraded_because == ("overloaded" if asked > 1 else None)


async def all_of(stream: Any) -> None:  # noqa: ANN401 - an async generator
    async for _ in stream:
        """Listen to the end."""


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.ainvoke(QUESTION),
        lambda model: model.abatch([QUESTION]),
        lambda model: model.agenerate([[HumanMessage(QUESTION)]]),
        lambda model: all_of(model.astream(QUESTION)),
        lambda model: model.with_structured_output(Gist).ainvoke(QUESTION),
        lambda model: all_of(model.with_structured_output(Gist, include_raw=True).astream(QUESTION)),
    ],
    ids=["ainvoke", "abatch", "agenerate", "astream", "structured", "structured stream"],
)
async def test_R13_R14_a_cancelled_task_leaves_its_connection(
    plan: ThreeHops, ask: Callable[[Any], Awaitable[object]]
) -> None:
    task = asyncio.ensure_future(ask(plan.model))
    await asyncio.to_thread(reached, plan)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(check, plan, "cancelled")


async def test_R13_R14_so_does_a_cancelled_stream_of_events(plan: ThreeHops) -> None:
    task = asyncio.ensure_future(all_of(plan.model.astream_events(QUESTION, version="v2")))
    await asyncio.to_thread(reached, plan)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # LangChain listens in a task of its own, which is cancelled where it waits, or has its stream closed.
    await asyncio.to_thread(check, plan, "cancelled", "abandoned")


def raw(model: Any) -> Any:  # noqa: ANN401 - a model, and a chain
    return model.with_structured_output(Gist, include_raw=True)


STREAMS = {
    "plain, closed": (lambda model: model, True),
    "plain, dropped": (lambda model: model, False),
    "raw, closed": (raw, True),
    "raw, dropped": (raw, False),
    "configured, closed": (lambda model: model.with_config(run_name="named"), True),
    "bound, closed": (lambda model: model.bind(temperature=0.5), True),
}


@pytest.mark.parametrize(("wished", "closes"), STREAMS.values(), ids=STREAMS)
def test_R13_R14_a_stream_that_nobody_reads_on_leaves_its_connection(
    plan: ThreeHops,
    wished: Callable[[Any], Any],
    closes: bool,  # noqa: FBT001 - a parameter
) -> None:
    stream = wished(plan.model).stream(QUESTION)
    next(stream)
    if closes:
        stream.close()
    else:
        del stream
        gc.collect()
    check(plan, "abandoned")


@pytest.mark.parametrize(("wished", "closes"), STREAMS.values(), ids=STREAMS)
async def test_R13_R14_so_it_is_in_a_loop(
    plan: ThreeHops,
    wished: Callable[[Any], Any],
    closes: bool,  # noqa: FBT001 - a parameter
) -> None:
    stream = wished(plan.model).astream(QUESTION)
    await anext(stream)
    if closes:
        await stream.aclose()
    else:
        del stream
        gc.collect()
    await asyncio.to_thread(check, plan, "abandoned")


def begun_json(received: Received) -> Answer:
    """Begin an answer of the schema in OpenAI's way, and hold back its end."""
    delta = {"role": "assistant", "content": '{"about": "tra'}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return Answer(parts=[event(chunk | {"choices": [{"index": 0, "delta": delta}]}), Gate()], headers=SSE)


def test_R13_R14_a_structured_stream_that_is_closed_is_not_read_to_its_end() -> None:
    with three_hops() as plan:
        plan.only(1, begun_json)
        stream = plan.model.with_structured_output(Gist).stream(QUESTION)
        assert next(stream) == Gist(about="tra")
        stream.close()  # type: ignore[attr-defined]  # a generator's
        assert plan.server.next_interruption() == 1
    assert plan.next_record().outcome == "abandoned"


class Interrupting(Sleepless):
    """A clock on which somebody gives up while a call waits for its next attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.give_up: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        raise KeyboardInterrupt

    async def asleep(self, seconds: float) -> None:
        self.give_up()
        await asyncio.Event().wait()


def down(received: Received) -> Answer:
    return Answer(b"{}", status=503)


def test_a_call_that_is_interrupted_between_two_attempts_is_recorded() -> None:
    with three_hops(Interrupting()) as plan:
        plan.only(1, down)
        with pytest.raises(KeyboardInterrupt):
            plan.model.invoke(QUESTION)
        assert plan.asked == ["acme"]
    record = plan.next_record()
    assert (record.outcome, [one.outcome for one in record.attempts]) == ("cancelled", ["failed"])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_so_is_one_that_is_cancelled_there(streamed: bool) -> None:  # noqa: FBT001 - a parameter
    clock = Interrupting()
    with three_hops(clock) as plan:
        plan.only(1, down)
        model = plan.model
        task = asyncio.ensure_future(all_of(model.astream(QUESTION)) if streamed else model.ainvoke(QUESTION))
        clock.give_up = task.cancel
        with pytest.raises(asyncio.CancelledError):
            await task
    record = plan.next_record()
    assert (record.outcome, [one.outcome for one in record.attempts]) == ("cancelled", ["failed"])


def test_a_stream_whose_end_is_known_has_served_even_if_nobody_takes_the_rest() -> None:
    with three_hops() as plan:
        plan.only(2, any_model)
        stream = plan.model.stream(QUESTION)
        for chunk in stream:
            if "finish_reason" in chunk.response_metadata:
                break
        stream.close()  # type: ignore[attr-defined]  # a generator's
    record = plan.next_record()
    assert (record.outcome, record.served_by) == ("answered", 2)
