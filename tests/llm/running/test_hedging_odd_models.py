"""Races of models that don't do as models do: deaf to cancellation, cancelled by nobody, without content."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from app.llm.running.budget import Budget
from app.llm.running.call import Call
from app.llm.running.hedging_race import Race
from app.llm.running.terms import Terms
from tests.llm.running.hedged import AT_ONCE, QUESTION, asked, hedged_at, outcomes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from langchain_core.messages import BaseMessage

    from app.llm.clients.spec import ClientSpec
    from app.llm.running.attempt import Attempt
    from tests.llm.running.hedged import Hedged

SOON, LATER = 20, 100
"""Turns of a loop: in the first, the second attempt has begun long since."""
NOWHERE = "http://127.0.0.1:1"


class Says(BaseChatModel):
    """A model that answers after some turns of the loop."""

    text: str = "fine"
    turns: int = 0

    @property
    def _llm_type(self) -> str:
        return "a test's"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        finished = AIMessage(self.text, response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=finished)])

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        await self._wait()
        return self._generate(messages)

    async def _wait(self) -> None:
        for _ in range(self.turns):
            await asyncio.sleep(0)


class Deaf(Says):
    """A model that answers although it was cancelled."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return self._generate(messages)
        raise AssertionError("nobody cancelled it")


class Rude(Says):
    """A model that fails when it is cancelled."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError("I was cancelled") from None
        raise AssertionError("nobody cancelled it")


class GivesUp(Says):
    """A model that is cancelled, and by nobody."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        await self._wait()
        raise asyncio.CancelledError


class Fails(Says):
    """A model that times out."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        await self._wait()
        raise TimeoutError


class Picky(Says):
    """A model whose SDK doesn't take what it was given."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise TypeError("what is this?")


class Empty(Says):
    """A model whose streams have an end, and nothing in it."""

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        done = AIMessageChunk(content="", response_metadata={"finish_reason": "stop"})
        yield ChatGenerationChunk(message=done)


class Models:
    """A client cache with one model a provider."""

    def __init__(self, models: Mapping[str, BaseChatModel]) -> None:
        self._models = models

    def get(self, spec: ClientSpec) -> BaseChatModel:
        return self._models[spec.provider]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def models() -> dict[str, BaseChatModel]:
    return {"one": Deaf(), "two": Says()}


@pytest.fixture
def hedged(models: dict[str, BaseChatModel]) -> Iterator[Hedged]:
    with hedged_at((NOWHERE, NOWHERE), parts={"client_cache": Models(models)}, attempts=2) as one:
        one.usually(AT_ONCE)
        yield one


async def attempts_of(hedged: Hedged) -> list[tuple[int, str, bool]]:
    answer = await hedged.model().ainvoke(QUESTION)
    assert answer.text == "fine"
    return outcomes(answer.response_metadata["pointsman"]["attempts"])


@pytest.mark.parametrize("slow", [Deaf(), Rude()])
async def test_a_loser_that_does_not_let_itself_be_cancelled_has_lost_all_the_same(
    hedged: Hedged, models: dict[str, BaseChatModel], slow: BaseChatModel
) -> None:
    models["one"] = slow
    assert await attempts_of(hedged) == [(1, "cancelled", False), (2, "answered", True)]
    assert outcomes(hedged.told().evidence()["attempts"]) == [(1, "cancelled", False), (2, "answered", True)]


async def test_an_attempt_that_gives_up_by_itself_leaves_the_call_to_the_other(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"], models["two"] = GivesUp(turns=SOON), Says(turns=LATER)
    assert await attempts_of(hedged) == [(1, "cancelled", False), (2, "answered", True)]
    models["one"], models["two"] = Says(turns=LATER), GivesUp()
    assert await attempts_of(hedged) == [(1, "answered", False), (2, "cancelled", True)]


async def run(hedged: Hedged) -> object:
    """Return what a race brings, without LangChain around it."""
    plan, runner = hedged.container.llm_service().plan("chat"), hedged.container.plan_runner()
    call = Call(plan, runner, Terms(Budget.of(plan)))
    assert call.hedge is not None
    beside = call.hedge.beside()
    assert beside is not None

    async def ask(attempt: Attempt) -> ChatResult | None:
        with attempt:
            model = hedged.container.client_cache().get(attempt.hop.spec)
            return attempt.answered(await model._agenerate([]))  # noqa: SLF001 - as a routed model does
        return None

    return await Race(call, call.hedge, beside, ask).run()


async def test_where_nobody_answers_and_nobody_failed_the_call_is_cancelled(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"] = models["two"] = GivesUp(turns=SOON)
    with pytest.raises(asyncio.CancelledError):
        await run(hedged)
    assert hedged.told().outcome == "cancelled"


async def test_where_one_gives_up_and_the_other_fails_it_is_the_failure_that_counts(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"], models["two"] = GivesUp(turns=SOON), Fails()
    assert await run(hedged) is None
    assert outcomes(hedged.told().evidence()["attempts"]) == [(1, "cancelled", False), (2, "failed", True)]
    hedged.records.clear()


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_a_mistake_of_the_caller_is_raised_as_it_is(
    hedged: Hedged, models: dict[str, BaseChatModel], way: str
) -> None:
    models["one"] = Picky()
    with pytest.raises(TypeError, match=r"^what is this\?$"):
        await asked(hedged.model(), way)
    assert outcomes(hedged.told().evidence()["attempts"]) == [(1, "failed", False)]


async def test_what_the_second_hop_does_not_take_does_not_keep_the_first_from_answering(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"], models["two"] = Says(turns=LATER), Picky()
    assert await attempts_of(hedged) == [(1, "answered", False), (2, "failed", True)]


async def test_an_attempt_that_ends_well_without_a_word_serves(hedged: Hedged) -> None:
    async def ask(attempt: Attempt) -> str:
        with attempt:
            await asyncio.sleep(0)
        return "well"

    plan, runner = hedged.container.llm_service().plan("chat"), hedged.container.plan_runner()
    call = Call(plan, runner, Terms(Budget.of(plan)))
    assert call.hedge is not None
    assert await Race(call, call.hedge, (plan.hops[1], AT_ONCE), ask).run() == "well"
    assert hedged.told().outcome == "answered"


async def test_calls_at_the_same_time_share_what_is_saved_up(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"] = models["two"] = Says(turns=LATER)
    hedged.hedging.shares.renew()
    hedged.hedging.shares.called("chat", 0.9)
    calls = [attempts_of(hedged) for _ in range(2)]
    assert sorted(map(len, await asyncio.gather(*calls))) == [1, 2]


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_that_ends_without_content_is_an_answer_too(
    hedged: Hedged, models: dict[str, BaseChatModel], way: str
) -> None:
    models["one"] = models["two"] = Empty()
    model = hedged.model()
    chunks = (
        list(model.stream(QUESTION)) if way == "stream" else [one async for one in model.astream(QUESTION)]
    )
    assert "".join(chunk.text for chunk in chunks) == ""
    assert hedged.told().outcome == "answered"


async def test_a_model_that_cannot_stream_races_with_its_whole_answer(
    hedged: Hedged, models: dict[str, BaseChatModel]
) -> None:
    models["one"] = Says(turns=LATER)
    chunks = [chunk async for chunk in hedged.model().astream(QUESTION)]
    assert "".join(chunk.text for chunk in chunks) == "fine"
    assert hedged.told().served_by == 2
