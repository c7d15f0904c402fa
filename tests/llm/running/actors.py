"""Inner models that play a script behind the client cache, and a transport that remembers its tickets."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableSequence
from pydantic import BaseModel, ValidationError

from app.llm.clients.transport import Transport
from tests.llm.running.scripts import CANCELLED, GOOD, UNSAYABLE, Kind, raised_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import Runnable

    from app.errors import Payer
    from app.llm.clients.patience import Patience
    from app.llm.clients.spec import ClientSpec, Grant
    from app.llm.clients.tickets import Ticket
    from tests.llm.running.controlled import ControlledClock
    from tests.llm.running.scripts import Play

Scripts = Mapping["Target", Sequence["Play"]]
"""What is played at each target, request by request."""
EPSILON = 1e-9
"""Seconds that arithmetic may be off."""
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}


class Place(BaseModel):
    """Where something is: the schema of structured answers."""

    town: str


class PlaceParser(BaseOutputParser[Place]):
    """Reads a whole place: LangChain's own parsers also read JSON that breaks off."""

    def parse(self, text: str) -> Place:
        try:
            return Place.model_validate_json(text)
        except ValidationError as error:
            raise OutputParserException("no place") from error


class Target(NamedTuple):
    """Who is asked, on whose bill."""

    provider: str
    model: str
    payer: Payer


def texts(target: Target, number: int, play: Play, *, structured: bool) -> list[str]:
    """Return what is said with each text of a play, the `number`th one at this target."""
    count = sum(step.kind == "text" for step in play.steps)
    if not structured:
        return [f"{target.provider}.{number}.{i} " for i in range(count)]
    whole = f'{{"town": "{target.provider}.{number}"}}' if play.fits else '{"nothing": "fits"}'
    ends = [len(whole) * i // count for i in range(count + 1)] if count else []
    return [whole[start:end] for start, end in pairwise(ends)]


class RememberingTransport(Transport):
    """A transport that keeps every ticket it gave out."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: list[Ticket] = []

    def ticket(self, grant: Grant, patience: Patience | None = None) -> Ticket:
        made = super().ticket(grant, patience)
        self.tickets.append(made)
        return made


@dataclass
class Entry:
    """A request as a provider got it."""

    target: Target
    key: str | None
    messages: int


@dataclass(eq=False)
class Theatre:
    """Where scripts are played: which play comes next at each target, and everything that was asked.

    A target whose plays are used up plays GOOD. `cancel` is what a play does to cancel the caller's task.
    """

    clock: ControlledClock
    transport: RememberingTransport
    scripts: Scripts = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    asked: dict[Target, int] = field(default_factory=lambda: defaultdict(int))
    cancel: Callable[[], object] = lambda: None

    def begin(self, scripts: Scripts) -> None:
        """Play these scripts from now on."""
        self.scripts, self.entries = scripts, []
        self.asked.clear()

    def get(self, spec: ClientSpec) -> BaseChatModel:
        """Return the client of a spec, as a client cache does."""
        return PlayedModel(theatre=self, target=Target(spec.provider, spec.model, spec.payer))

    def close(self) -> None:
        """Nothing was opened."""

    def enter(self, target: Target, messages: int, *, structured: bool) -> Performance:
        """Note a request, and return what is played."""
        ticket = self.transport.tickets[-1]
        assert not ticket.ended
        number = self.asked[target]
        self.asked[target] += 1
        script = self.scripts.get(target, ())
        play = script[number] if number < len(script) else GOOD
        if play.ending == UNSAYABLE:
            raise ValueError(UNSAYABLE)
        credential = ticket.grant.credential
        key = credential.reveal() if credential else None
        ticket.left(key.encode() if key else None)
        self.entries.append(Entry(target, key, messages))
        assert ticket.patience is not None
        said = texts(target, number, play, structured=structured)
        return Performance(self, play, ticket.patience, said)


@dataclass
class Performance:
    """One play, while it is played. `said` is what is said with each text."""

    theatre: Theatre
    play: Play
    patience: Patience
    said: list[str]

    def pass_time(self, seconds: float) -> None:
        """Let time pass, as long as the request may still wait."""
        left = self.patience.read()
        self.theatre.clock.advance(min(seconds, left))
        if seconds > left + EPSILON:
            raise TimeoutError

    @property
    def cancels(self) -> bool:
        """Whether the caller gives up at its end."""
        return self.play.ending == CANCELLED

    def chunks(self) -> Iterator[float | ChatGenerationChunk]:
        """Yield the seconds that pass, and the chunks that come."""
        said = iter(self.said)
        for step in self.play.steps:
            yield step.after_s
            yield _chunk(step.kind, next(said) if step.kind == "text" else "")
        yield self.play.after_s

    def result(self) -> ChatResult:
        """Return the answer in one piece."""
        if self.play.ending == "nothing":
            return ChatResult(generations=[])
        message = AIMessage("".join(self.said), response_metadata={"finish_reason": "stop"})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def fail(self) -> None:
        """Raise what its end raises, if it raises anything."""
        if self.play.ending not in {"done", "nothing"}:
            raise raised_by(self.play.ending, self.play.retry_after_s)


def _chunk(kind: Kind, text: str) -> ChatGenerationChunk:
    message = AIMessageChunk(content=text)
    if kind == "usage":
        message = AIMessageChunk(content="", usage_metadata=cast("Any", USAGE))
    info = {"finish_reason": "stop"} if kind == "finish" else None
    return ChatGenerationChunk(message=message, generation_info=info)


class PlayedModel(BaseChatModel):
    """A provider's model that plays what it is scripted to."""

    theatre: Any
    target: Any

    @property
    def _llm_type(self) -> str:
        return "played"

    def _enter(self, messages: list[BaseMessage], arguments: dict[str, Any]) -> Performance:
        entered: Performance = self.theatre.enter(
            self.target, len(messages), structured="schema" in arguments
        )
        return entered

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> ChatResult:
        performance = self._enter(messages, kwargs)
        performance.pass_time(performance.play.whole_s)
        if performance.cancels:
            raise KeyboardInterrupt
        performance.fail()
        return performance.result()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> ChatResult:
        performance = self._enter(messages, kwargs)
        await asyncio.sleep(0)
        performance.pass_time(performance.play.whole_s)
        await self._cancelled(performance)
        performance.fail()
        return performance.result()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        performance = self._enter(messages, kwargs)
        for one in performance.chunks():
            if isinstance(one, ChatGenerationChunk):
                yield one
            else:
                performance.pass_time(one)
        if performance.cancels:
            raise KeyboardInterrupt
        performance.fail()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: object = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        performance = self._enter(messages, kwargs)
        for one in performance.chunks():
            if isinstance(one, ChatGenerationChunk):
                yield one
            else:
                await asyncio.sleep(0)
                performance.pass_time(one)
        await self._cancelled(performance)
        performance.fail()

    async def _cancelled(self, performance: Performance) -> None:
        if performance.cancels:
            performance.theatre.cancel()
            await asyncio.Event().wait()

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        assert isinstance(schema, type)
        return RunnableSequence(self.bind(schema=schema), PlaceParser())
