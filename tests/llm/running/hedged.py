"""A feature that hedges, over the real SDKs: each hop of its plan is at a local server of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.llm.running.hedging import kind_of
from app.llm.running.latencies import ENOUGH
from app.settings import Settings
from tests.llm.services import HONOURS
from tests.servers.models import any_model
from tests.servers.running import running as served
from tests.servers.wire import Answer, Gate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from dependency_injector.containers import DynamicContainer
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.running.hedging import Hedging
    from app.llm.running.latencies import Usual
    from app.llm.running.record import CallRecord
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

OPENAI, ANTHROPIC, GEMINI = "openai_compatible", "anthropic", "gemini"
PAIRS = ((OPENAI, ANTHROPIC), (ANTHROPIC, GEMINI), (GEMINI, OPENAI))
"""The protocols of the first hop and of the second: each protocol serves once as either."""
WAYS = ("invoke", "ainvoke", "stream", "astream")
MIXED = tuple((PAIRS[number % 3], way) for number, way in enumerate(WAYS))
"""Each way to call once, and each pair of protocols at least once."""
NAMES = ("one", "two", "three")
"""The providers, in the order of the plan."""
QUESTION = "Where does this belong?"
AT_ONCE, NEVER = 0.0, 3000.0
"""How long the first hop usually takes, in seconds."""
ADA = RequestScope("ada", {"one": "ada-one-7Hq2", "two": "ada-two-9Zk4"})
SUPPORTS = ["tools", "structured_output", "streaming", "usage"]


CHAT = {"about": "Chat", "hedge": {"share": 0.5}, "deadline_s": 20.0}


def tables(protocols: Sequence[str], rows: dict[str, dict[str, Any]], **feature: Any) -> dict[str, Any]:
    """Return the catalog of one feature, `chat`, whose hops are at these protocols, one after the other."""
    names = NAMES[: len(protocols)]
    routes = [{"provider": name, "model": f"swift-{name}"} for name in names]
    return {
        "providers": {
            name: {
                "protocol": protocol,
                "base_url": "https://elsewhere.example/v1",
                "key_env": f"{name.upper()}_API_KEY",
                "supports": SUPPORTS,
                "circuit": "off",
                **rows.get(name, {}),
            }
            for name, protocol in zip(names, protocols, strict=True)
        },
        "features": {
            "chat": {name: value for name, value in {**CHAT, **feature}.items() if value is not None}
        },
        "profiles": {
            "premium": {"routes": {"chat": {**routes[0], "fallbacks": routes[1:]}}},
            "byok": {"extends": "premium"},
        },
    }


class Hedged:
    """A container with one feature that hedges, and the records of its calls."""

    def __init__(self, container: DynamicContainer, records: list[CallRecord]) -> None:
        self.container, self.records = container, records

    @property
    def hedging(self) -> Hedging:
        made: Hedging = self.container.hedging()
        return made

    def model(self, scope: RequestScope | None = None) -> BaseChatModel:
        handed_out: BaseChatModel = self.container.llm_service().get_llm("chat", scope=scope)
        return handed_out

    def usually(  # noqa: PLR0913 - what a test may want to say
        self,
        seconds: float,
        scope: RequestScope | None = None,
        *,
        saved: int = 3,
        hop: int = 1,
        samples: int = ENOUGH,
        kinds: Sequence[bool] = (False, True),
    ) -> None:
        """Make it known how long a hop usually takes, and save up hedges."""
        plan = self.container.llm_service().plan("chat", scope)
        for streaming in kinds:
            for _ in range(samples):
                self.hedging.latencies.note(kind_of(plan, plan.hops[hop - 1], streaming=streaming), seconds)
        for _ in range(saved):
            self.hedging.shares.called("chat", 1.0)

    def pace(self, *, streaming: bool = False, hop: int = 1) -> Usual:
        """Return what is known of a hop."""
        plan = self.container.llm_service().plan("chat")
        return self.hedging.latencies.usual(kind_of(plan, plan.hops[hop - 1], streaming=streaming))

    def told(self) -> CallRecord:
        """Close the container's teller, and return the record of the only call."""
        self.container.call_teller().close()
        (record,) = self.records
        return record

    def explained(self, scope: RequestScope | None = None) -> str:
        said: str = self.container.llm_service().explain("chat", scope).hedge
        return said

    @property
    def under_way(self) -> str:
        """What the transport says of calls that have not ended."""
        return repr(self.container.transport())


NOTHING = "Transport(open, calls under way: 0)"


@contextmanager
def hedged_at(
    servers: Sequence[RunningServer | str],
    protocols: Sequence[str] = (OPENAI, ANTHROPIC),
    rows: dict[str, dict[str, Any]] | None = None,
    parts: dict[str, Any] | None = None,
    **feature: Any,
) -> Iterator[Hedged]:
    """Yield a container whose feature `chat` has a hop at each server (or address).

    `rows` add to the rows of the providers, `parts` take the place of parts of the container.
    """
    variables = {f"{name.upper()}_API_KEY": f"platform-{name}" for name in NAMES}
    for name, protocol, server in zip(NAMES, protocols, servers, strict=False):
        origin = server if isinstance(server, str) else server.origin
        variables[f"{name.upper()}_BASE_URL"] = origin + ("/v1" if protocol == OPENAI else "")
    records: list[CallRecord] = []
    given = {
        "settings": Settings(variables=variables),
        "profile_repository": InMemoryProfileRepository(tables(protocols, rows or {}, **feature), HONOURS),
        "call_observers": (records.append,),
    }
    with running(Container(**(given | (parts or {})))) as container:
        yield Hedged(container, records)


async def asked(model: Runnable[Any, Any], way: str, **limits: Any) -> Any:  # noqa: ANN401 - what the runnable gives
    """Return the whole answer, asked in one of the four ways."""
    if way == "invoke":
        return model.invoke(QUESTION, **limits)
    if way == "ainvoke":
        return await model.ainvoke(QUESTION, **limits)
    whole, *others = [chunk async for chunk in chunks_of(model, way, **limits)]
    for chunk in others:
        whole += chunk
    return whole


async def chunks_of(model: Runnable[Any, Any], way: str, **limits: Any) -> AsyncIterator[Any]:
    """Yield the chunks of an answer, asked in one of the two ways to stream."""
    if way == "astream":
        async for chunk in model.astream(QUESTION, **limits):
            yield chunk
    else:
        for chunk in model.stream(QUESTION, **limits):
            yield chunk


# ---------------------------------------------------------------- servers, and how they answer


@pytest.fixture
def first() -> Iterator[RunningServer]:
    with served(any_model) as server:
        yield server


@pytest.fixture
def second() -> Iterator[RunningServer]:
    with served(any_model) as server:
        yield server


def silent(received: Received) -> Answer:
    """Answer never."""
    del received
    return Answer(parts=[Gate()])


def after(gate: Gate, script: Script = any_model) -> Script:
    """Answer as a script does, but not before a gate is opened."""

    def answer(received: Received) -> Answer:
        said = script(received)
        return Answer(status=said.status, headers=said.headers, parts=[gate, *(said.parts or [said.body])])

    return answer


def doing(work: Callable[[], object], script: Script) -> Script:
    """Do something when a request comes (open a gate, say), and answer as a script does."""

    def answer(received: Received) -> Answer:
        work()
        return script(received)

    return answer


def refusing(status: int, text: str = "no") -> Script:
    """Answer with an error's status."""
    return lambda _: Answer(b'{"error": {"message": "%s"}}' % text.encode(), status=status)


# ---------------------------------------------------------------- what records say


def outcomes(attempts: Sequence[dict[str, Any]]) -> list[tuple[int, str, bool]]:
    """Return hop, outcome, and whether it was started beside another one, of each attempt of a record."""
    return [(one["hop"], one["outcome"], one.get("hedge", False)) for one in attempts]


def requests(attempts: Sequence[dict[str, Any]]) -> int:
    """Return how many requests left by a record."""
    return sum(one["requests"] for one in attempts)
