"""Two ways of asking a provider whether a key works: a page that costs nothing, and one token of a model."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.llm.clients.door import TICKET_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter

LONGEST_BODY = 65_536
"""Bytes that are read of an answer: enough for any error, and for seeing that it is JSON."""
OK, FIRST_THAT_IS_NOT = 200, 300
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "pointsman"}


class Answered(Exception):
    """An answer that isn't a success, as classification reads it. It never leaves a probe."""

    def __init__(self, status: int, headers: Mapping[str, str], body: object) -> None:
        self.status_code, self.headers, self.body = status, headers, body
        super().__init__(f"HTTP {status}")


class WayToAsk(Protocol):
    """One request under a ticket: it returns if the key was accepted, and raises what says that it wasn't."""

    @property
    def what(self) -> str:
        """What is asked, as a person reads it."""
        ...

    def ask(self, transport: Transport, ticket: str) -> None:
        """Ask, from a thread."""
        ...

    async def aask(self, transport: Transport, ticket: str) -> None:
        """Ask, in an event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """A GET of a page that only a key opens. It answers in JSON: what else a host may serve is no answer."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float

    @property
    def what(self) -> str:
        """What is asked, as a person reads it."""
        return f"GET {self.url}"

    def ask(self, transport: Transport, ticket: str) -> None:
        """Ask, from a thread. Its timeout holds for each wait, and between the parts of a slow answer."""
        client = transport.client()
        ends = time.monotonic() + self.timeout_s
        response = client.send(client.build_request("GET", self.url, **self._parts(ticket)), stream=True)
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > LONGEST_BODY:
                break
            if time.monotonic() > ends:
                raise TimeoutError
        _judge(response, bytes(body))

    async def aask(self, transport: Transport, ticket: str) -> None:
        """Ask, in an event loop."""
        client = transport.async_client()
        request = client.build_request("GET", self.url, **self._parts(ticket))
        response = await client.send(request, stream=True)
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LONGEST_BODY:
                break
        _judge(response, bytes(body))

    def _parts(self, ticket: str) -> dict[str, Any]:
        return {"headers": {**PLAIN, **self.headers, TICKET_HEADER: ticket}, "timeout": self.timeout_s}


@dataclass(frozen=True, slots=True)
class OneToken:
    """A completion of one token, for a provider without such a page."""

    model: BaseChatModel
    name: str
    adapter: ProtocolAdapter
    timeout_s: float

    @property
    def what(self) -> str:
        """What is asked, as a person reads it."""
        return f"one token of {self.name}"

    def ask(self, transport: Transport, ticket: str) -> None:
        """Ask, from a thread."""
        del transport  # the model was built over it
        self.model._generate(*self._question(), **self._arguments(ticket))  # noqa: SLF001 - no run of its own

    async def aask(self, transport: Transport, ticket: str) -> None:
        """Ask, in an event loop."""
        del transport  # the model was built over it
        await self.model._agenerate(*self._question(), **self._arguments(ticket))  # noqa: SLF001 - as above

    def _question(self) -> tuple[Any, ...]:
        from langchain_core.messages import HumanMessage

        return ([HumanMessage("Hi")],)

    def _arguments(self, ticket: str) -> dict[str, Any]:
        return self.adapter.request_arguments(ticket, timeout_s=self.timeout_s)


def _judge(response: httpx2.Response, body: bytes) -> None:
    """Return for a success in JSON; raise Answered or json.JSONDecodeError for anything else."""
    if not OK <= response.status_code < FIRST_THAT_IS_NOT:
        raise Answered(response.status_code, response.headers, _parsed(body))
    if body.lstrip()[:1] not in {b"{", b"["}:
        raise json.JSONDecodeError("the page isn't JSON", "", 0)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
