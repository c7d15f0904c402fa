"""BYOKMiddleware: each request of an ASGI application runs in the scope of its user."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from app.errors import EnrolmentUnavailable, ResourceClosed, ScopeError, SettingsError
from app.llm.byok.headers import is_ours, ours
from app.llm.byok.refusals import refuse
from app.llm.byok.scope import RequestScope, request_scope
from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from app.errors import PointsmanError
    from app.llm.byok.entry import BYOKEntry
    from app.llm.byok.headers import RawHeader
    from app.llm.byok.refusals import Message, Receive, Send

    Application = Callable[[Message, Receive, Send], Awaitable[None]]
    UserOf = Callable[[Message], Awaitable[str | None] | str | None]

SCOPE: Final = "byok_scope"
"""Where the application finds the RequestScope in its ASGI scope; `current_scope()` returns it, too."""
REFUSED: Final = (ScopeError, EnrolmentUnavailable, ResourceClosed)


class BYOKMiddleware:
    """An ASGI application around another one: each request runs in the scope of its user and their keys.

    `user_of` says who sends a request (an ASGI scope), or None for nobody; it may be asynchronous. The whole
    call runs in the scope, with streamed bodies and background tasks. `exempt` are paths (`/recover`, or
    `/keys/*` for all that is below) whose requests run without keys and are never refused.

    X-BYOK-* headers go no further: neither `user_of` nor the application sees them, so neither can log one.

    :raises SettingsError: an exempt path that matches nothing.
    """

    def __init__(
        self, app: Application, *, entry: BYOKEntry, user_of: UserOf, exempt: Iterable[str] = ()
    ) -> None:
        self._app, self._entry, self._user_of = app, entry, user_of
        self._paths, self._prefixes = _read(exempt)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope, sent = _parted(scope)
        user = self._user_of(scope)
        user_id = await user if isawaitable(user) else user
        refusal: PointsmanError
        try:
            found = await self._scope(user_id or None, scope, sent)
        except REFUSED as error:
            refusal = error
        else:
            scope[SCOPE] = found
            with request_scope(found):
                await self._app(scope, receive, send)
            return
        logger().info("byok_request_refused", kind=type(refusal).__name__, problem=str(refusal))
        await refuse(refusal, scope, receive, send)

    async def _scope(self, user: str | None, scope: Message, sent: list[RawHeader]) -> RequestScope:
        if not sent or self._is_exempt(scope["path"]):
            return RequestScope(user)
        return await self._entry.ascope_of(user, sent)

    def _is_exempt(self, path: str) -> bool:
        return path in self._paths or path.startswith(self._prefixes)


def _parted(scope: Message) -> tuple[dict[str, Any], list[RawHeader]]:
    """Return a copy of an ASGI scope without our headers, and those."""
    headers = list(scope.get("headers") or ())
    sent = ours(headers)
    passed_on = [header for header in headers if not is_ours(header[0])] if sent else headers
    return {**scope, "headers": passed_on}, sent


def _read(exempt: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    patterns = tuple(exempt)
    for pattern in patterns:
        if not pattern.startswith("/") or "*" in pattern.removesuffix("/*"):
            raise SettingsError(f"exempt path {pattern!r}: write `/a/path`, or `/a/path/*` for all below it")
    prefixes = tuple(pattern.removesuffix("*") for pattern in patterns if pattern.endswith("/*"))
    return frozenset(patterns) - {f"{prefix}*" for prefix in prefixes}, prefixes
