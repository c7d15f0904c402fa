"""The bench on which an adapter is checked: a server to ask, one that it has no business with, and a door."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import HumanMessage

from app.llm.clients.outgoing import AUTH_HEADER
from app.llm.clients.spec import ClientSpec, Credential, Grant, origin_of
from app.testing.leaks.canaries import canary_key
from app.testing.watched import WatchedTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from app.errors import TransportRefused
    from app.llm.catalog.options import OptionValue
    from app.llm.providers.protocol import ProtocolAdapter
    from app.testing.leaks.canaries import Canary
    from app.testing.servers import RecordingServer, Replying, Seen

WAYS: Final = ("invoke", "ainvoke", "stream", "astream")
AUTH_HEADERS: Final = {scheme: name.decode().lower() for scheme, (name, _) in AUTH_HEADER.items()}


class NotingTransport(WatchedTransport):
    """A transport that notes every request that came to its door, and every refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: list[httpx2.Request] = []
        self.refusals: list[TransportRefused] = []

    def leaving(self, request: httpx2.Request) -> None:
        """Note a request."""
        self.passed.append(request)

    def refused(self, error: TransportRefused) -> None:
        """Note a refusal."""
        self.refusals.append(error)


@dataclass(frozen=True)
class Outcome:
    """What became of one call: what it raised or said, what the servers received, what came to the door.

    `said` are the messages that LangChain gave: one, or the chunks of a stream.
    """

    error: Exception | None
    said: list[BaseMessage]
    home: list[Seen]
    elsewhere: list[Seen]
    passed: list[httpx2.Request]
    refusals: list[TransportRefused]


class Bench:
    """An adapter between two servers: `home` is the one it is to ask, `elsewhere` answers as well.

    `reply` is how the provider answers; `planted` are the canaries in the environment.
    """

    def __init__(
        self,
        adapter: ProtocolAdapter,
        servers: tuple[RecordingServer, RecordingServer],
        reply: Replying,
        base_path: str,
        planted: list[Canary],
    ) -> None:
        self.adapter, self.reply, self.planted = adapter, reply, planted
        self.home, self.elsewhere = servers
        self.transport = NotingTransport()
        self._base_path = base_path

    def spec(self, **options: OptionValue) -> ClientSpec:
        """Return the spec of a client for the server at home."""
        return ClientSpec(
            protocol=self.adapter.name,
            provider="checked",
            base_url=self.home.origin + self._base_path,
            model="some-model",
            payer="platform",
            auth=self.adapter.auth,
            options=tuple(sorted(options.items())),
            headers=(("X-Title", "The check"),),
            supports=frozenset({"usage", "tools", "streaming", "structured_output", "prompt_cache_key"}),
        )

    def build(self, **options: OptionValue) -> BaseChatModel:
        """Return a new client."""
        spec = self.spec(**options)
        return self.adapter.build(spec, spec.base_url, self.transport)

    def key(self, name: str = "the key of this call") -> Canary:
        """Return a key that may be seen in its header at home."""
        return canary_key(name, at={self.home.origin: AUTH_HEADERS[self.adapter.auth]})

    def grant(self, key: Canary) -> Grant:
        """Return leave to put a key on requests to the server at home."""
        credential = Credential("checked", "platform", "the check of an adapter", key.secret.get_secret_value)
        return Grant(credential, origin_of(self.home.origin), self.adapter.auth)

    def ask(
        self,
        client: BaseChatModel,
        way: str = "invoke",
        key: Canary | None = None,
        wishes: Mapping[str, Any] = MappingProxyType({}),
        **arguments: Any,
    ) -> Outcome:
        """Make one call under a ticket of its own. `arguments` are for the adapter's `request_arguments`.

        `wishes` are further arguments of the call.
        """
        servers = (self.home, self.elsewhere)
        marks = [len(one.received) for one in servers]
        passed, refused = len(self.transport.passed), len(self.transport.refusals)
        error, said = self._run(client, way, key or self.key(), arguments, wishes)
        received = [one.received[mark:] for one, mark in zip(servers, marks, strict=True)]
        came, refusals = self.transport.passed[passed:], self.transport.refusals[refused:]
        return Outcome(error, said, received[0], received[1], came, refusals)

    def _run(
        self,
        client: BaseChatModel,
        way: str,
        key: Canary,
        arguments: dict[str, Any],
        wishes: Mapping[str, Any],
    ) -> tuple[Exception | None, list[BaseMessage]]:
        try:
            with self.transport.ticket(self.grant(key)) as ticket:
                asked = self.adapter.request_arguments(ticket, **arguments)
                return None, call(client, way, question(key), {**wishes, **asked})
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome
            return error, []


def question(key: Canary) -> str:
    """Return the prompt of a call: it says under which key it is asked, by the key's name."""
    return f"[{key.name}] Where does this belong?"


def call(client: BaseChatModel, way: str, prompt: str, arguments: dict[str, Any]) -> list[BaseMessage]:
    """Call a client in one of the four ways; the asynchronous ones in an event loop of their own."""
    messages: list[BaseMessage] = [HumanMessage(prompt)]
    if way == "invoke":
        return [client.invoke(messages, **arguments)]
    if way == "stream":
        return list(client.stream(messages, **arguments))
    with ThreadPoolExecutor(1) as thread:
        # A ticket is good in the context in which it was taken.
        asked = partial(asyncio.run, _acall(client, way, messages, arguments))
        return thread.submit(copy_context().run, asked).result()


async def _acall(
    client: BaseChatModel, way: str, messages: list[BaseMessage], arguments: dict[str, Any]
) -> list[BaseMessage]:
    if way == "ainvoke":
        return [await client.ainvoke(messages, **arguments)]
    return [chunk async for chunk in client.astream(messages, **arguments)]
