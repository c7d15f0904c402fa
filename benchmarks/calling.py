"""What a call costs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from benchmarks.measuring import Row, cpu_each, in_turn
from benchmarks.providers import KEY, feature_at, provider, service_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.service import LLMService

    Call = Callable[[], Awaitable[object]]

QUESTION = "Into which folder does this conversation belong?"
ROUNDS = 5
SYNC_AIM = 1.05
GEMINI_OVER_HTTPX = "gemini over httpx"
"""The library's own way where aiohttp isn't installed: with us it always is, as we bring it."""
AWAITED: tuple[tuple[str, int, float | None], ...] = (
    ("openai", 1, None),
    ("openai", 64, 0.7),
    ("openai", 256, 0.55),
    ("gemini", 64, None),
    ("gemini", 256, None),
    (GEMINI_OVER_HTTPX, 256, 0.5),
)
"""Reference, calls at once, and the aim for the ratio."""
CALLS = {1: 100, 64: 320, 256: 512}
"""How many calls a round makes, by how many are under way at once."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A service and a bare model side by side, at one local provider, in one event loop."""

    service: LLMService
    origin: str
    where: str
    runner: asyncio.Runner
    bare: dict[str, BaseChatModel] = field(default_factory=dict)

    def pair(self, provider_name: str) -> tuple[Callable[[], BaseChatModel], BaseChatModel]:
        """Return what gets our model for each call, and the library's own model."""
        feature, model = feature_at(self.service, provider_name.partition(" ")[0])
        if provider_name not in self.bare:
            self.bare[provider_name] = bare(provider_name, model, self.origin)
        return lambda: self.service.get_llm(feature), self.bare[provider_name]

    def sync(self, times: int) -> Row:
        """Measure calls from a thread."""
        ours, reference = self.pair("openai")
        calls = {"ours": lambda: ours().invoke(QUESTION), "theirs": lambda: reference.invoke(QUESTION)}
        for call in calls.values():
            cpu_each(call, 10)
        cost = in_turn({name: partial(cpu_each, call, times) for name, call in calls.items()}, ROUNDS * 2)
        title = f"sync call, {self.where}"
        return Row(title, cost["ours"], cost["theirs"], "us", type(reference).__name__, SYNC_AIM)

    def awaited(self, provider_name: str, at_once: int, aim: float | None) -> Row:
        """Measure calls in an event loop, so many under way at once."""
        ours, reference = self.pair(provider_name)
        calls: dict[str, Call] = {
            "ours": lambda: ours().ainvoke(QUESTION),
            "theirs": lambda: reference.ainvoke(QUESTION),
        }
        for call in calls.values():
            self.runner.run(many(call, at_once, at_once))
        cost = in_turn({name: partial(self.cost_of, call, at_once) for name, call in calls.items()}, ROUNDS)
        name, _, over = provider_name.partition(" ")
        title = f"{name} async, {at_once} at once, {self.where}"
        return Row(
            title, cost["ours"], cost["theirs"], "us", f"{type(reference).__name__} {over}".strip(), aim
        )

    def cost_of(self, call: Call, at_once: int) -> float:
        """Return the CPU time of one call, in microseconds."""
        times = CALLS[at_once]
        return cpu_each(lambda: self.runner.run(many(call, at_once, times)), 1) / times

    def close(self) -> None:
        """Close what the bare models left open."""
        for model in self.bare.values():
            self.runner.run(closed(model))


def rows() -> Iterator[Row]:
    """Measure calls to providers that answer at once, and after 50 ms."""
    for delay_s, times in ((0.0, 200), (0.05, 20)):
        with provider(delay_s) as origin, service_at(origin) as service, asyncio.Runner() as runner:
            bench = Bench(service, origin, f"{round(delay_s * 1000)} ms", runner)
            yield bench.sync(times)
            for name, at_once, aim in AWAITED:
                if not delay_s or at_once > 1:
                    yield bench.awaited(name, at_once, aim)
            bench.close()


def bare(provider_name: str, model: str, origin: str) -> BaseChatModel:
    """Return LangChain's own model for a provider, as its documentation makes it."""
    if provider_name.startswith("gemini"):
        import httpx
        from langchain_google_genai import ChatGoogleGenerativeAI

        transport = {"transport": httpx.AsyncHTTPTransport()} if provider_name == GEMINI_OVER_HTTPX else None
        return ChatGoogleGenerativeAI(
            model=model, google_api_key=SecretStr(KEY), base_url=origin, client_args=transport
        )
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model_name=model, openai_api_key=SecretStr(KEY), openai_api_base=f"{origin}/v1")


async def many(call: Call, at_once: int, times: int) -> None:
    """Make so many calls, with so many under way at once."""
    turns = iter(range(times))

    async def keep_calling() -> None:
        for _ in turns:
            await call()

    await asyncio.gather(*(keep_calling() for _ in range(at_once)))


async def closed(model: Any) -> None:  # noqa: ANN401 - each library closes in its own way
    """Close what a bare model left open in this loop."""
    if hasattr(model, "root_async_client"):
        await model.root_async_client.close()
    else:
        await model.client.aio.aclose()
