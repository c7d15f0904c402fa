"""Errands at random: calls of all kinds, made in threads and in a loop, some of them given up on the way."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from app.containers import Container, running
from app.errors import PointsmanError
from app.llm import InMemoryProfileRepository, RequestScope
from app.llm.clock import SystemClock
from app.settings import Settings
from tests.llm.running.faulty import CallId, FaultyProviders
from tests.llm.services import HONOURS
from tests.servers.running import running as serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from app.llm.running.record import CallRecord

PROTOCOL_OF: Final = {
    "acme": "openai_compatible",
    "nova": "gemini",
    "opus": "anthropic",
    "broker": "openai_compatible",
}
ORDERS: Final = {
    "summary": ("acme", "nova", "opus"),
    "chat": ("nova", "opus", "acme", "broker"),
    "coach": ("opus", "broker", "nova"),
    "guard": ("broker",),
}
"""Each feature, and the providers of its plan."""
FASTER: Final = 100.0
"""How many times as fast pauses go by: they are between requests, and nobody waits for a socket."""
SILENCE_S: Final = 2.0
"""Seconds for which a caller waits for a silent provider, and far more than any other answer takes."""
LIMITS: Final = {"first_token_s": SILENCE_S, "chunk_s": SILENCE_S, "deadline_s": 30.0}
THREADS, AT_ONCE = 12, 24
WAYS: Final = ("whole", "stream", "stream", "schema", "schema stream", "raw", "tool", "many")
"""How an errand asks: for a text, for an answer of a schema, for a tool's call, or twice at once."""

give_up_in_pause: ContextVar[Callable[[], object] | None] = ContextVar("give_up_in_pause", default=None)


class Verdict(BaseModel):
    """What is thought of something."""

    topic: str
    score: float


def look_up(topic: str) -> str:
    """Look a topic up."""
    return topic


class HurriedClock(SystemClock):
    """The machine's time, but for pauses between attempts: they are short, and callers give up in them."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / FASTER)

    async def asleep(self, seconds: float) -> None:
        if (give_up := give_up_in_pause.get()) is not None:
            give_up()
        await asyncio.sleep(seconds / FASTER)


@dataclass(frozen=True, slots=True)
class Errand:
    """What one caller does. `leaves_after`: so many chunks of a stream are taken, None: all of them.

    `gives_up_at`: the request with whose arrival the caller is cancelled; 0: in the first pause.
    """

    number: int
    way: str
    feature: str
    own_keys: tuple[str, ...]
    leaves_after: int | None = None
    closes: bool = True
    gives_up_at: int | None = None
    limits: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def drawn(cls, number: int, *, in_a_loop: bool, seed: int = 0) -> Errand:
        """Return the errand of this number: the same one each time."""
        chance = random.Random(f"{seed} {number}")  # noqa: S311 - draws errands
        keys = tuple(name for name in PROTOCOL_OF if chance.random() < 0.6) if chance.random() < 0.5 else ()
        way = chance.choice(WAYS)
        # Giving up on several calls at once would meet one between its door and its server.
        can_give_up = in_a_loop and way != "many"
        return cls(
            number,
            way,
            chance.choice(list(ORDERS)),
            keys,
            leaves_after=chance.choice((None, None, 1, 2, 3)),
            closes=chance.random() < 0.7,
            gives_up_at=chance.choice((0, 1, 1, 2)) if can_give_up and chance.random() < 0.3 else None,
            limits={} if chance.random() < 0.8 else {"attempts": chance.randint(1, 8)},
        )

    @property
    def scope(self) -> RequestScope:
        """Who sends it: its own user, with keys that nobody else has."""
        return RequestScope(str(self.number), {name: f"{name}-user-{self.number}" for name in self.own_keys})

    def question(self, part: int = 0) -> str:
        """Return what is asked, which names the call."""
        return f"call {self.number}.{part}: what is this about?"


@dataclass
class Office:
    """Where errands are run: a service over faulty providers, and how they ended."""

    service: Any
    providers: FaultyProviders
    records: list[CallRecord]
    ended: Counter[str] = field(default_factory=Counter)

    def run(self, threads: Iterable[Errand], loops: Iterable[Errand]) -> None:
        """Run errands, the ones in threads and the others in a loop at the same time."""
        with ThreadPoolExecutor(THREADS) as pool:
            done = pool.map(self.do, threads)
            asyncio.run(self._all(loops))
            for _ in done:
                """What a thread raised is raised here."""

    # ------------------------------------------------------------------ in threads

    def do(self, errand: Errand) -> None:
        """Run one errand in this thread."""
        try:
            self._ask(errand)
        except PointsmanError as error:
            self.ended[type(error).__name__] += 1
        else:
            self.ended["well"] += 1

    def _ask(self, errand: Errand) -> None:
        asked = self._asked(errand)
        if errand.way == "many":
            asked.batch([errand.question(0), errand.question(1)], return_exceptions=True, **errand.limits)
        elif "stream" not in errand.way:
            asked.invoke(errand.question(), **errand.limits)
        else:
            stream = asked.stream(errand.question(), **errand.limits)
            for number, _ in enumerate(stream, 1):
                if number == errand.leaves_after:
                    if errand.closes:
                        stream.close()
                    return

    # ------------------------------------------------------------------ in a loop

    async def _all(self, errands: Iterable[Errand]) -> None:
        turns = iter(errands)

        async def keep_going() -> None:
            for errand in turns:
                await self.ado(errand)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(keep_going())

    async def ado(self, errand: Errand) -> None:
        """Run one errand in this loop."""
        task = asyncio.create_task(self._awaited(errand))
        self._arrange(errand, task)
        try:
            await task
        except PointsmanError as error:
            self.ended[type(error).__name__] += 1
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            self.ended["given up"] += 1
        else:
            self.ended["well"] += 1

    def _arrange(self, errand: Errand, task: asyncio.Task[None]) -> None:
        if errand.gives_up_at:
            loop = asyncio.get_running_loop()
            self.providers.on_arrival[errand.number, errand.gives_up_at] = lambda: loop.call_soon_threadsafe(
                task.cancel
            )

    async def _awaited(self, errand: Errand) -> None:
        if errand.gives_up_at == 0:
            task = asyncio.current_task()
            assert task is not None
            give_up_in_pause.set(task.cancel)
        asked = self._asked(errand)
        if errand.way == "many":
            questions = [errand.question(0), errand.question(1)]
            await asked.abatch(questions, return_exceptions=True, **errand.limits)
        elif "stream" not in errand.way:
            await asked.ainvoke(errand.question(), **errand.limits)
        else:
            await self._streamed(asked.astream(errand.question(), **errand.limits), errand)

    @staticmethod
    async def _streamed(stream: Any, errand: Errand) -> None:  # noqa: ANN401 - an async generator
        number = 0
        async for _ in stream:
            number += 1
            if number == errand.leaves_after:
                if errand.closes:
                    await stream.aclose()
                return

    def _asked(self, errand: Errand) -> Any:  # noqa: ANN401 - a model or a chain
        model = self.service.get_llm(errand.feature, scope=errand.scope)
        if errand.way.startswith("schema") or errand.way == "raw":
            return model.with_structured_output(Verdict, include_raw=errand.way == "raw")
        return model.bind_tools([look_up], tool_choice="any") if errand.way == "tool" else model


def tables() -> dict[str, Any]:
    """Return a catalog of four plans that start with each protocol; one provider's circuit is on."""
    options = {"timeout_s": SILENCE_S}
    hops = {name: {"provider": name, "model": f"{name}-1", "options": options} for name in PROTOCOL_OF}
    routes = {
        feature: {**hops[order[0]], "fallbacks": [hops[name] for name in order[1:]]}
        for feature, order in ORDERS.items()
    }
    return {
        "providers": {
            name: {
                "protocol": protocol,
                "base_url": "https://elsewhere.example",
                "key_env": f"{name.upper()}_API_KEY",
                "circuit": {"failures": 8, "window_s": 1.0, "open_s": 0.05} if name == "broker" else "off",
            }
            for name, protocol in PROTOCOL_OF.items()
        },
        "features": {
            feature: {"about": feature, **LIMITS}
            | ({"on_user_key_failure": "platform"} if feature in {"chat", "coach"} else {})
            for feature in ORDERS
        },
        "profiles": {"premium": {"routes": routes}, "byok": {"extends": "premium"}},
    }


@contextmanager
def office(seed: int = 0) -> Iterator[Office]:
    """Yield an office at a server of its own; when the block has ended, every record was told."""
    providers = FaultyProviders(seed)
    records: list[CallRecord] = []
    with serving(providers) as server:
        variables = {f"{name.upper()}_API_KEY": f"{name}-platform" for name in PROTOCOL_OF}
        for name, protocol in PROTOCOL_OF.items():
            path = f"/{name}/v1" if protocol == "openai_compatible" else f"/{name}"
            variables[f"{name.upper()}_BASE_URL"] = server.origin + path
        parts = {
            "settings": Settings(variables=variables),
            "profile_repository": InMemoryProfileRepository(tables(), HONOURS),
            "call_observers": (records.append,),
            "clock": HurriedClock(),
        }
        with running(Container(**parts)) as container:
            service = container.llm_service()
            service.warm_up()
            yield Office(service, providers, records)


def calls_of(errand: Errand) -> list[CallId]:
    """Return the calls that an errand makes."""
    return [CallId(errand.number, part) for part in range(2 if errand.way == "many" else 1)]
