"""R13: what breaks behind the finish reason breaks no answer; what ends without one is broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.output_parsers import PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSequence

from app.containers import Container, running
from app.errors import MalformedResponse, StreamBroken
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from tests.llm.clocks import Sleepless
from tests.llm.running.actors import Place
from tests.llm.running.hops import FEATURE, HOPS, QUESTION, three_hops
from tests.llm.running.hops import tables as tables_of
from tests.llm.services import HONOURS
from tests.servers.models import SSE, TEXT, anthropic_events, gemini_events, openai_events
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.messages import BaseMessage

    from tests.llm.running.hops import ThreeHops

    Make = Callable[[BaseChatModel], Any]

UP_TO_THE_FINISH = {"acme": openai_events()[:-2], "nova": gemini_events(), "opus": anthropic_events()[:-1]}
BEFORE_THE_FINISH = {
    "acme": openai_events()[:-3],
    "nova": gemini_events()[:-1],
    "opus": anthropic_events()[:-3],
}


@pytest.fixture(scope="module")
def plan() -> Iterator[ThreeHops]:
    with three_hops() as served:
        yield served


async def streamed(model: Any) -> list[str]:  # noqa: ANN401 - a model
    """Return what a model says, streamed in a thread and in a loop."""
    in_a_loop = [chunk async for chunk in model.astream(QUESTION)]
    return [add_ai_message_chunks(*model.stream(QUESTION)).text, add_ai_message_chunks(*in_a_loop).text]


@pytest.mark.parametrize("hop", [1, 2, 3])
async def test_R13_a_connection_that_breaks_behind_the_finish_reason_breaks_no_answer(
    plan: ThreeHops, hop: int
) -> None:
    plan.begin()
    plan.only(hop, lambda _: Answer(parts=UP_TO_THE_FINISH[HOPS[hop - 1]], headers=SSE, cut=True))
    assert await streamed(plan.model) == [TEXT, TEXT]
    for _ in range(2):
        record = plan.next_record()
        assert (record.outcome, record.served_by, record.attempts[-1].failure_class) == (
            "answered",
            hop,
            None,
        )


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "ended"])
@pytest.mark.parametrize("hop", [1, 2, 3])
async def test_R13_one_that_ends_before_it_does(plan: ThreeHops, hop: int, cut: bool) -> None:  # noqa: FBT001 - a parameter
    plan.only(hop, lambda _: Answer(parts=BEFORE_THE_FINISH[HOPS[hop - 1]], headers=SSE, cut=cut))
    with pytest.raises(StreamBroken) as caught:
        list(plan.model.stream(QUESTION))
    assert TEXT.startswith(caught.value.partial)
    assert caught.value.partial
    with pytest.raises(StreamBroken):
        await streamed(plan.model)


# ---------------------------------------------------------------- answers that no provider here gives

Said = Sequence[ChatGenerationChunk | Exception]


class Given(BaseChatModel):
    """A provider's model that says what it was given, one saying after the other."""

    sayings: list[Any]

    @property
    def _llm_type(self) -> str:
        return "given"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> ChatResult:
        message: AIMessage = self.sayings.pop(0)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        assert isinstance(schema, type)
        return RunnableSequence(self.bind(), PydanticOutputParser(pydantic_object=schema))


class Streaming(Given):
    """One that streams."""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        said: Said = self.sayings.pop(0)
        for one in said:
            if isinstance(one, Exception):
                raise one
            yield one


class Cache:
    """A client cache in which there is one model for all hops."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    def get(self, spec: object) -> BaseChatModel:
        return self._model

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def given() -> Iterator[Make]:
    """Return what makes a routed model over a given one."""
    containers = []

    def made(model: BaseChatModel) -> Any:  # noqa: ANN401 - a routed model
        keys = {f"{name.upper()}_API_KEY": name for name in HOPS}
        parts = {
            "settings": Settings(variables=keys),
            "profile_repository": InMemoryProfileRepository(tables_of({"circuit": "off"}), HONOURS),
            "client_cache": Cache(model),
            "clock": Sleepless(),
        }
        containers.append(running(Container(**parts)))
        return containers[-1].__enter__().llm_service().get_llm(FEATURE)

    yield made
    for one in containers:
        one.__exit__(None, None, None)


def chunk(text: str = "", finish: str | None = None, **more: Any) -> ChatGenerationChunk:
    info = {"finish_reason": finish} if finish else None
    return ChatGenerationChunk(message=AIMessageChunk(content=text, **more), generation_info=info)


def call(args: str) -> ChatGenerationChunk:
    return chunk(tool_call_chunks=[{"name": "look_up", "args": args, "id": "1", "index": 0}])


FITTING = [chunk('{"town": "Ulm"}'), chunk(finish="stop")]


def test_R13_a_calls_arguments_that_break_off_are_a_broken_stream(given: Make) -> None:
    model = given(Streaming(sayings=[[call('{"a"'), chunk(finish="tool_calls")]]))
    with pytest.raises(StreamBroken) as caught:
        list(model.stream(QUESTION))
    assert (caught.value.broken_by, caught.value.attempts) == ("malformed_response", 1)


def test_calls_of_a_model_that_cannot_stream_are_each_read_for_themselves(given: Make) -> None:
    calls = [{"name": "look_up", "args": {"n": n}, "id": str(n), "type": "tool_call"} for n in range(2)]
    model = given(Given(sayings=[AIMessage("", tool_calls=calls)]))
    whole = add_ai_message_chunks(*model.stream(QUESTION))
    assert [one["args"] for one in whole.tool_calls] == [{"n": 0}, {"n": 1}]


def test_R13_an_answer_of_another_schema_is_no_better_for_a_connection_that_breaks(given: Make) -> None:
    broken = [chunk('{"nothing": 1}'), chunk(finish="stop"), ConnectionResetError()]
    chain = given(Streaming(sayings=[broken])).with_structured_output(Place)
    with pytest.raises(StreamBroken) as caught:
        list(chain.stream(QUESTION))
    assert (caught.value.broken_by, caught.value.partial) == ("malformed_response", '{"nothing": 1}')


def test_R13_nothing_was_said_yet_where_an_answer_had_no_content_and_the_next_attempt_is_made(
    given: Make,
) -> None:
    chain = given(Streaming(sayings=[[chunk(finish="stop")], FITTING])).with_structured_output(Place)
    assert list(chain.stream(QUESTION)) == [Place(town="Ulm")]


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_whoever_wants_the_raw_answer_gets_it_with_what_is_wrong_with_it(given: Make, way: str) -> None:
    if way == "invoke":
        sayings = [AIMessage('{"nothing": 1}') for _ in range(6)]
        answer = (
            given(Given(sayings=sayings)).with_structured_output(Place, include_raw=True).invoke(QUESTION)
        )
        assert [one["class"] for one in answer["raw"].response_metadata["pointsman"]["attempts"]] == [
            *["malformed_response"] * 6
        ]
    else:
        said = [chunk('{"nothing": 1}'), chunk(finish="stop")]
        chain = given(Streaming(sayings=[said])).with_structured_output(Place, include_raw=True)
        answer = {}
        for part in chain.stream(QUESTION):
            answer = part if not answer else answer + part
    assert answer["raw"].text == '{"nothing": 1}'
    assert answer["parsed"] is None
    assert isinstance(answer["parsing_error"], Exception)


def test_a_refused_answer_is_not_what_somebody_who_wants_the_raw_one_means(given: Make) -> None:
    refused = AIMessage("I", response_metadata={"finish_reason": "malformed_response"})
    chain = given(Given(sayings=[refused] * 6)).with_structured_output(Place, include_raw=True)
    with pytest.raises(MalformedResponse):
        chain.invoke(QUESTION)
