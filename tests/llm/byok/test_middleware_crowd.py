"""Two hundred requests at once, of many users, over a real ASGI server and to a real provider."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect

from app.containers import Container, running
from app.llm import BYOKMiddleware, InMemoryEnrolledKeys, InMemoryProfileRepository
from app.settings import Settings
from tests.llm.byok.asgi import user_of
from tests.llm.byok.enrolment.peppers import NEW
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES
from tests.servers.asgi import serving
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from app.llm import LLMService
    from app.llm.byok.entry import BYOKEntry
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received

__all__ = ["server"]

REQUESTS = 200
USERS = 40
PLATFORM = TABLE_KEYS["NOVA_API_KEY"]


@dataclass(frozen=True)
class User:
    """One of the crowd: some are enrolled and send their key, some send one in vain, some send none."""

    number: int

    @property
    def name(self) -> str:
        return f"<user-{self.number}>"

    @property
    def headers(self) -> dict[str, str]:
        sent = {"X-User": self.name}
        return sent if self.number % 4 == 3 else sent | {"X-BYOK-Acme": self.own_key}

    @property
    def own_key(self) -> str:
        return f"sk-of-{self.name}"

    @property
    def enrolled(self) -> bool:
        return self.number % 4 < 2

    @property
    def key_in_use(self) -> str:
        return f"Bearer {self.own_key}" if self.enrolled else PLATFORM


def product(service: LLMService, entry: BYOKEntry) -> Starlette:
    """An application that asks a model for its user: at once, streamed, afterwards and over a WebSocket."""

    async def chat(request: Request) -> StreamingResponse:
        name = request.headers["x-user"]

        async def words() -> AsyncIterator[str]:
            async for chunk in service.get_llm("chat").astream(f"stream for {name}"):
                yield str(chunk.text)

        async def later() -> None:
            await service.get_llm("chat").ainvoke(f"afterwards for {name}")

        await service.get_llm("chat").ainvoke(f"first for {name}")
        return StreamingResponse(words(), background=BackgroundTask(later))

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        async for name in websocket.iter_text():
            answer = await service.get_llm("chat").ainvoke(f"socket for {name}")
            await websocket.send_text(str(answer.text))

    keys = Middleware(BYOKMiddleware, entry=entry, user_of=user_of)
    return Starlette(routes=[Route("/chat", chat), WebSocketRoute("/socket", socket)], middleware=[keys])


@contextmanager
def served(provider: RunningServer, users: list[User]) -> Iterator[str]:
    redirects = {f"{name}_BASE_URL": f"{provider.origin}/v1" for name in ("ACME", "BROKER")}
    settings = Settings(
        byok_peppers={"new": NEW},
        variables={**TABLE_KEYS, **redirects, "NOVA_BASE_URL": SecretStr(provider.origin)},
    )
    store, repository = InMemoryEnrolledKeys(), InMemoryProfileRepository(TABLES, HONOURS)
    parts = Container(settings=settings, profile_repository=repository, enrolled_keys=store)
    with running(parts) as container:
        for user in users:
            if user.enrolled:
                container.enrolment().enrol(user.name, "acme", user.own_key)
        with serving(product(container.llm_service(), container.byok_entry())) as host:
            yield host


async def ask(session: aiohttp.ClientSession, host: str, user: User) -> int:
    async with session.get(f"http://{host}/chat", headers=user.headers) as response:
        assert await response.text() == "Hello there"
        return response.status


async def talk(host: str, user: User) -> None:
    async with connect(f"ws://{host}/socket", additional_headers=user.headers, proxy=None) as socket:
        for _ in range(2):
            await socket.send(user.name)
            assert await socket.recv() == "Hello there"


async def all_of(host: str, users: list[User]) -> list[int]:
    connector = aiohttp.TCPConnector(limit=REQUESTS)
    async with aiohttp.ClientSession(connector=connector) as session:
        asking = (ask(session, host, users[number % USERS]) for number in range(REQUESTS))
        talking = (talk(host, user) for user in users)
        statuses, _ = await asyncio.gather(asyncio.gather(*asking), asyncio.gather(*talking))
        return statuses


def keys_of(received: Received) -> list[str]:
    names = ("authorization", "x-goog-api-key", "x-api-key", "cookie")
    return [value for name in names if (value := received.header(name)) is not None]


def test_R7_R8_in_a_crowd_each_request_carries_its_own_users_key_or_the_platforms(
    server: RunningServer,
) -> None:
    users = [User(number) for number in range(USERS)]
    with served(server, users) as host:
        statuses = asyncio.run(all_of(host, users))

    assert statuses == [200] * REQUESTS
    by_name = {user.name: user for user in users}
    for received in server.received:
        (named,) = (name for name in by_name if name.encode() in received.body)
        assert keys_of(received) == [by_name[named].key_in_use]
        assert "x-byok-acme" not in dict(received.headers)
    calls = ("first", "stream", "afterwards", "socket")
    counts = [sum(f"{call} for".encode() in one.body for one in server.received) for call in calls]
    assert counts == [REQUESTS, REQUESTS, REQUESTS, 2 * USERS]


@pytest.mark.parametrize("number", range(4))
def test_R8_who_pays_is_said_by_the_key_in_use_and_not_by_the_header(
    server: RunningServer, number: int
) -> None:
    user = User(number)
    with served(server, [user]) as host:
        asyncio.run(talk(host, user))
    assert {key for one in server.received for key in keys_of(one)} == {user.key_in_use}
