"""A service whose three providers, one a protocol, are at one local server, and the four ways to call it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container, running
from app.errors import PointsmanError
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.clocks import Sleepless
from tests.llm.services import HONOURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm import LLMService
    from app.llm.clock import Clock
    from app.llm.routed_model import RoutedChatModel
    from tests.servers.running import RunningServer

PROTOCOLS = ("openai_compatible", "anthropic", "gemini")
WAYS = ("invoke", "ainvoke", "stream", "astream")
USERS_KEY = "u5er-0wn-Zk8Qm2Xw9Rt4Lp7Vn"
PLATFORM_KEY = "pl4tf0rm-Hc3Jd6Yb1Sg5Ff8Ka"
ADA = RequestScope("ada", dict.fromkeys(PROTOCOLS, USERS_KEY))
SUPPORTS = ["tools", "structured_output", "streaming", "usage"]

PROVIDERS: dict[str, Any] = {
    "providers": {
        name: {
            "protocol": name,
            "base_url": "https://elsewhere.example",
            "key_env": f"{name.upper()}_API_KEY",
            "supports": SUPPORTS,
            "circuit": "off",
        }
        for name in PROTOCOLS
    },
    "profiles": {
        "premium": {"routes": {name: {"provider": name, "model": "swift-1"} for name in PROTOCOLS}},
        "byok": {"extends": "premium"},
    },
}


@contextmanager
def service_at(
    server: RunningServer, platform_key: str = PLATFORM_KEY, clock: Clock | None = None, **row: float
) -> Iterator[LLMService]:
    """A service whose three providers are all at one local server. `row` is what is said of each feature."""
    features = {name: {"about": name, "attempts": 1, **row} for name in PROTOCOLS}
    keys = {f"{name.upper()}_API_KEY": platform_key for name in PROTOCOLS}
    redirects = {f"{name.upper()}_BASE_URL": server.origin for name in PROTOCOLS}
    redirects["OPENAI_COMPATIBLE_BASE_URL"] += "/v1"
    repository = InMemoryProfileRepository(PROVIDERS | {"features": features}, HONOURS)
    settings = Settings(variables=keys | redirects)
    parts = {"settings": settings, "profile_repository": repository, "clock": clock or Sleepless()}
    with running(Container(**parts)) as container:
        yield container.llm_service()


async def ask(model: RoutedChatModel, way: str) -> str:
    """Return what a model says, asked in one of the four ways."""
    if way == "invoke":
        return str(model.invoke("hello").text)
    if way == "ainvoke":
        return str((await model.ainvoke("hello")).text)
    if way == "stream":
        return "".join(chunk.text for chunk in model.stream("hello"))
    return "".join([chunk.text async for chunk in model.astream("hello")])


async def failure_of(
    service: LLMService, protocol: str, way: str, scope: RequestScope | None = None
) -> PointsmanError:
    """Return the error that a call ends with."""
    with pytest.raises(PointsmanError) as caught:
        await ask(service.get_llm(protocol, scope=scope), way)
    return caught.value
