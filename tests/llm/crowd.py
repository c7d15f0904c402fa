"""A service with one provider a wire protocol, all at one place, and as many users as one likes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.services import HONOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app.llm import LLMService

PROTOCOLS = ("openai_compatible", "gemini", "anthropic")
"""Names of the wire protocols; the provider and the feature of each are called the same."""
QUESTION = "Where does this belong?"
ROUTES = {name: {"provider": name, "model": f"a-model-of-{name}"} for name in PROTOCOLS}
TABLES: dict[str, Any] = {
    "providers": {
        name: {
            "protocol": name,
            "base_url": f"https://{name.replace('_', '-')}.example/v1",
            "key_env": f"{name.upper()}_API_KEY",
            "supports": ["streaming", "structured_output", "tools", "usage"],
        }
        for name in PROTOCOLS
    },
    "features": {name: {"about": f"Ask {name}", "payer": "user_only", "attempts": 1} for name in PROTOCOLS},
    "profiles": {
        "premium": {"about": "One provider a protocol", "routes": ROUTES},
        "byok": {"about": "The same", "extends": "premium"},
    },
}


@contextmanager
def container_at(origin: str) -> Iterator[Any]:
    """Yield a container whose providers are all at one server; it is closed with the block."""
    paths = {"openai_compatible": "/v1"}
    redirects = {f"{name.upper()}_BASE_URL": origin + paths.get(name, "") for name in PROTOCOLS}
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    with running(
        Container(settings=Settings(variables=redirects), profile_repository=repository)
    ) as container:
        yield container


def user(number: int) -> RequestScope:
    """Return a request of a user, with keys that no other user has."""
    return RequestScope(f"user-{number}", dict.fromkeys(PROTOCOLS, key_of(number)))


def key_of(number: int) -> str:
    """Return a user's key."""
    return f"sk-of-user-{number:05}-"


def ask_all(service: LLMService, feature: str, numbers: Iterable[int], threads: int) -> list[str]:
    """Have each of these users ask once, from so many threads; return the answers."""

    def ask(number: int) -> str:
        return service.get_llm(feature, scope=user(number)).invoke(QUESTION).text

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, numbers))


async def aask_all(service: LLMService, feature: str, numbers: Iterable[int], at_once: int) -> list[str]:
    """Have each of these users ask once, in this loop, so many at once; return the answers."""
    answers: list[str] = []
    turns = iter(numbers)

    async def keep_asking() -> None:
        for number in turns:
            model = service.get_llm(feature, scope=user(number))
            answers.append((await model.ainvoke(QUESTION)).text)

    await asyncio.gather(*(keep_asking() for _ in range(at_once)))
    return answers
