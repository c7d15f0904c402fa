"""R16: who observes calls can't break one, nor slow it, nor keep another observer from being told."""

from __future__ import annotations

import logging
import threading
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from app.llm.telling import Tellers
from tests.llm.running.hops import DOWN, QUESTION, three_hops
from tests.llm.running.test_ways_of_calling import WAYS
from tests.servers.models import TEXT
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.running.record import CallRecord
    from tests.llm.running.hops import ThreeHops

SECRET = "never to be logged"


def raises(record: CallRecord) -> None:
    raise LookupError(SECRET)


class Hanging:
    """An observer that hangs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, record: CallRecord) -> None:
        self.begun.set()
        self.go_on.wait(PATIENCE_S)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    observer = Hanging()
    yield observer
    observer.go_on.set()


async def test_R16_observers_that_raise_or_hang_cost_no_call_its_answer_and_no_other_observer_its_record(
    hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    def observers(plan: ThreeHops) -> tuple[Any, ...]:
        return raises, hanging, plan.records.put

    with caplog.at_level(logging.WARNING, logger="pointsman"), three_hops(observers=observers) as plan:
        plan.only(2)
        for way in WAYS:
            assert {answer.text for answer in await way(plan.model)} == {TEXT}
            record = plan.next_record()
            assert (record.outcome, record.served_by) == ("answered", 2)
        assert hanging.begun.wait(PATIENCE_S)
        hanging.go_on.set()
    assert "event=observer_failed error=LookupError" in caplog.text
    assert SECRET not in caplog.text


async def test_an_observer_may_make_calls_of_its_own() -> None:
    answers: Queue[str] = Queue()

    def observers(plan: ThreeHops) -> tuple[Any, ...]:
        def ask_once(record: CallRecord) -> None:
            if answers.empty():
                answers.put(plan.model.invoke(QUESTION).text)

        return ask_once, plan.records.put

    with three_hops(observers=observers) as plan:
        plan.model.invoke(QUESTION)
        assert answers.get(timeout=PATIENCE_S) == TEXT
        assert {plan.next_record().outcome for _ in range(2)} == {"answered"}


async def test_a_record_is_told_when_it_is_complete_and_holds_neither_words_nor_keys() -> None:
    with three_hops() as plan:
        plan.only(3)
        for way in WAYS:
            await way(plan.model)
            record = plan.next_record()
            told = record.to_dict()
            assert told["outcome"] == "answered"
            assert [one["outcome"] for one in told["attempts"]] == ["failed"] * 4 + ["answered"]
            assert [one["status"] for one in told["attempts"][:4]] == [503] * 4
            assert 0 < sum(one["ms"] for one in told["attempts"]) <= told["ms"] + 1
            assert not {word for word in (QUESTION, TEXT, "-platform") if word in str(told)}


def test_a_failed_call_is_told_with_all_of_its_attempts() -> None:
    with three_hops() as plan:
        plan.answers = dict.fromkeys(("acme", "nova", "opus"), lambda _: DOWN)
        for ask in (plan.model.invoke, lambda question: list(plan.model.stream(question))):
            with pytest.raises(Exception, match="after 6 attempts"):
                ask(QUESTION)
            record = plan.next_record()
            assert (record.outcome, record.served_by, record.degraded_because) == (
                "failed",
                None,
                "overloaded",
            )
            assert [one.hop for one in record.attempts] == [1, 1, 2, 2, 3, 3]


class Clumsy(BaseCallbackHandler):
    """A handler of LangChain's that raises whenever it is told something."""

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        raise LookupError(SECRET)

    def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
        raise LookupError(SECRET)

    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        raise LookupError(SECRET)

    def on_llm_error(self, *args: Any, **kwargs: Any) -> None:
        raise LookupError(SECRET)


async def test_R16_callbacks_that_raise_break_no_fallback() -> None:
    with three_hops() as plan:
        plan.container.callbacks.override(lambda feature: [Clumsy()])
        plan.only(3)
        for way in WAYS:
            assert {answer.text for answer in await way(plan.model)} == {TEXT}


def test_tellers_end_their_threads() -> None:
    told: list[str] = []
    tellers = Tellers([told.append, told.append])
    tellers.tell("one")
    tellers.close()
    tellers.tell("two")
    tellers.close()
    assert told == ["one", "one"]
