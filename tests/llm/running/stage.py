"""A world's container with everything behind it scripted, and how calls on it end."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.containers import Container, running
from app.errors import PointsmanError
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from tests.llm.running.actors import Place, RememberingTransport, Theatre
from tests.llm.running.controlled import ControlledClock
from tests.llm.running.worlds import FEATURE, KEYS
from tests.llm.services import HONOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.planning import Plan
    from app.llm.running.record import CallRecord
    from tests.llm.running.actors import Scripts
    from tests.llm.running.predictions import Ask
    from tests.llm.running.worlds import World

QUESTION = "What is this about?"
LOOP_TURNS = 10
"""After so many turns a loop has closed the generators that nobody listens to any more."""


@dataclass
class Observed:
    """How a call ended, as its caller sees it. `stamps` are the decision records that came along."""

    texts: list[str] = field(default_factory=list)
    stamps: list[dict[str, Any]] = field(default_factory=list)
    parsed: object = None
    misfit: object = None
    error: PointsmanError | None = None
    mistake: ValueError | None = None
    given_up: bool = False

    def note(self, one: Any) -> None:  # noqa: ANN401 - a message, a chunk, a parsed answer or a part of a raw one
        """Note what came."""
        if isinstance(one, Place):
            self.parsed = one
        elif isinstance(one, dict):
            self.parsed, self.misfit = one.get("parsed", self.parsed), one.get("parsing_error", self.misfit)
            if "raw" in one:
                self.note(one["raw"])
        else:
            self.texts.append(one.text)
            if stamp := one.response_metadata.get("pointsman"):
                self.stamps.append(stamp)


class Stage:
    """One container, whose time, chance and providers are a test's."""

    def __init__(self, container: Any, world: World, theatre: Theatre) -> None:  # noqa: ANN401 - a DynamicContainer
        self.container, self.world, self.theatre = container, world, theatre
        self.clock, self.transport = theatre.clock, theatre.transport
        self.records: list[CallRecord] = []
        self.jitter = 0.0
        runner = container.plan_runner()
        container.plan_runner.override(
            replace(runner, tell=self.records.append, spread=lambda longest: longest * self.jitter)
        )
        self.service = container.llm_service()
        self._loop = asyncio.Runner()

    @property
    def plan(self) -> Plan:
        """The plan that calls run."""
        found: Plan = self.service.plan(FEATURE, self.world.scope)
        return found

    def close(self) -> None:
        """End the event loop."""
        self._loop.close()

    def play(self, ask: Ask, scripts: Scripts, limits: dict[str, Any], jitter: float) -> Observed:
        """Make one call, and return what its caller sees."""
        self.theatre.begin(scripts)
        self.records.clear()
        self.transport.tickets.clear()
        self.clock.slept.clear()
        self.jitter = jitter
        self.clock.on_wait = lambda number: self._give_up() if number == ask.gives_up_at else None
        seen = Observed()
        try:
            if ask.in_a_loop:
                self._loop.run(self._in_a_loop(ask, limits, seen))
            else:
                self.theatre.cancel = _interrupt
                self._in_this_thread(ask, limits, seen)
        except PointsmanError as error:
            seen.error = error
        except ValueError as mistake:
            seen.mistake = mistake
        except (KeyboardInterrupt, asyncio.CancelledError):
            seen.given_up = True
        return seen

    def _give_up(self) -> None:
        self.theatre.cancel()

    def _asked(self, ask: Ask) -> Any:  # noqa: ANN401 - a model or a chain
        model = self.service.get_llm(FEATURE, scope=self.world.scope)
        return model.with_structured_output(Place, include_raw=ask.raw) if ask.structured else model

    def _in_this_thread(self, ask: Ask, limits: dict[str, Any], seen: Observed) -> None:
        asked = self._asked(ask)
        if not ask.streaming:
            seen.note(asked.invoke(QUESTION, **limits))
            return
        stream = asked.stream(QUESTION, **limits)
        for number, one in enumerate(stream, 1):
            seen.note(one)
            if number == ask.stops_after:
                stream.close()
                return

    async def _in_a_loop(self, ask: Ask, limits: dict[str, Any], seen: Observed) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.theatre.cancel = task.cancel
        try:
            await self._awaited(ask, limits, seen)
        finally:
            while task.cancelling():
                task.uncancel()
            for _ in range(LOOP_TURNS):
                await asyncio.sleep(0)

    async def _awaited(self, ask: Ask, limits: dict[str, Any], seen: Observed) -> None:
        asked = self._asked(ask)
        if not ask.streaming:
            seen.note(await asked.ainvoke(QUESTION, **limits))
            return
        stream = asked.astream(QUESTION, **limits)
        number = 0
        async for one in stream:
            number += 1
            seen.note(one)
            if number == ask.stops_after:
                await stream.aclose()
                return


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextmanager
def staged(world: World) -> Iterator[Stage]:
    """Yield the stage of a world."""
    transport, clock = RememberingTransport(), ControlledClock()
    theatre = Theatre(clock, transport)
    parts = {
        "settings": Settings(variables=KEYS),
        "profile_repository": InMemoryProfileRepository(world.tables, HONOURS),
        "transport": transport,
        "client_cache": theatre,
        "clock": clock,
    }
    with running(Container(**parts)) as container:
        stage = Stage(container, world, theatre)
        try:
            yield stage
        finally:
            stage.close()
