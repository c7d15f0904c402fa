"""A Starlette application behind the middleware, which says whose scope each of its parts ran in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from app.llm import BYOKMiddleware, current_scope
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.headers import KeyHeaders
from app.llm.byok.middleware import SCOPE
from tests.llm.byok.enrolment.peppers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Scope
    from starlette.websockets import WebSocket

    from app.llm import Enrolment, RequestScope


def user_of(scope: Scope) -> str | None:
    """Return who sends a request: a header stands for the product's authentication."""
    found = dict(scope["headers"]).get(b"x-user")
    return found.decode("latin-1") if found else None


def told(scope: RequestScope | None) -> dict[str, Any]:
    """Return what a scope holds, keys included: these applications are there to tell."""
    if scope is None:
        return {"scope": None}
    keys = {name: scope.key(name) for name in sorted(scope.providers)}
    found = {name: key.get_secret_value() for name, key in keys.items() if key is not None}
    return {"user": scope.user_id, "keys": found, "endpoint": scope.endpoint and scope.endpoint.base_url}


class Heard:
    """What the parts of an application saw after their responses."""

    def __init__(self) -> None:
        self.background: list[dict[str, Any]] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []


def application(heard: Heard) -> Starlette:
    """Return an application with a handler of every kind."""

    async def plain(request: Request) -> JSONResponse:
        heard.headers.append(request.scope["headers"])
        same = request.scope[SCOPE] is current_scope()
        return JSONResponse({**told(current_scope()), "same": same})

    def blocking(request: Request) -> JSONResponse:
        return JSONResponse(told(current_scope()))

    async def streaming(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                await asyncio.sleep(0)
                scope = current_scope()
                yield f"{scope.user_id if scope else None} ".encode()

        async def later() -> None:
            heard.background.append(told(current_scope()))
            heard.background.append(await run_in_threadpool(lambda: told(current_scope())))

        return StreamingResponse(parts(), background=BackgroundTask(later))

    async def failing(request: Request) -> JSONResponse:
        raise ZeroDivisionError("the handler's own")

    async def chat(socket: WebSocket) -> None:
        await socket.accept()
        async for _ in socket.iter_text():
            await socket.send_json(told(current_scope()))

    routes = [
        Route("/plain", plain),
        Route("/recover", plain),
        Route("/keys/{name}", plain),
        Route("/keysmith", plain),
        Route("/blocking", blocking),
        Route("/streaming", streaming),
        Route("/failing", failing),
        WebSocketRoute("/chat", chat),
    ]
    return Starlette(routes=routes)


def behind(
    app: ASGIApp, policy: Enrolment | None = None, exempt: Iterable[str] = (), **how: Any
) -> BYOKMiddleware:
    """Return the middleware around an application."""
    entry = BYOKEntry(KeyHeaders(lambda: PROVIDERS, **how), policy)
    return BYOKMiddleware(app, entry=entry, user_of=user_of, exempt=exempt)
