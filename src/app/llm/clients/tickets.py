"""Tickets: the right to send requests for one credential, as long as a block lasts and nobody ends it."""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol
from weakref import ref

from app.llm.failures.request_ids import request_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from app.llm.clients.patience import Patience
    from app.llm.clients.spec import Grant

at_hand: ContextVar[str] = ContextVar("pointsman_ticket", default="")
"""The ticket of the call that is made here. No other one is taken, not even one that is in force."""


class Exchange(Protocol):
    """A request that is on its way, or whose answer is still arriving."""

    def end(self) -> None:
        """Leave the connection if the answer isn't complete. Calling it twice is no error."""
        ...

    def cancel(self) -> None:
        """Do the same from any thread: whoever waits for the answer is woken with an error."""
        ...


class Tickets(Protocol):
    """Who knows which tickets are in force."""

    def register(self, ticket: Ticket) -> str:
        """Put a ticket in force, and return its text."""
        ...

    def forget(self, text: str) -> None:
        """End a ticket. Ending it twice is no error."""
        ...


class Ticket:
    """The right to send requests under one grant, for the time of a `with` block, whose value is a str.

    What is still on its way when the block ends is ended with it. `patience` says how long its requests may
    wait; without one, the time-outs hold that the SDK gave them.
    """

    __slots__ = (
        "_held",
        "_kept",
        "_text",
        "_tickets",
        "ended",
        "grant",
        "key",
        "patience",
        "request_id",
        "requests",
    )

    def __init__(self, tickets: Tickets, grant: Grant, patience: Patience | None = None) -> None:
        self._tickets = tickets
        self._held: dict[int, ref[Exchange]] = {}
        self._kept: set[Exchange] = set()
        self._text = ""
        self.grant, self.patience = grant, patience
        self.requests = 0
        """How many requests were let out under it."""
        self.request_id: str | None = None
        """How the provider calls the request that it answered last."""
        self.key: str | None = None
        self.ended = False
        """Whether its block has ended, or it was cancelled: it lets nothing out any more."""

    @property
    def admitted(self) -> bool:
        """Whether a request was let out."""
        return self.requests > 0

    def left(self, key: bytes | None) -> None:
        """Note that a request left, and the key that it carried: to be cut out of what failed."""
        self.requests += 1
        self.key = key.decode() if key else None

    def answered(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note how the provider calls the request."""
        self.request_id = request_id_of(headers, self.key)

    def __enter__(self) -> str:
        self._text = self._tickets.register(self)
        if self.ended:  # it was cancelled before it began
            self._tickets.forget(self._text)
        # It isn't taken back: what stays behind in a generator's caller is a ticket that has ended.
        at_hand.set(self._text)
        return self._text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._held:
            with ExitStack() as every_one:
                for exchange in self._under_way():
                    every_one.callback(exchange.end)

    def cancel(self) -> None:
        """End it from any thread: whoever waits under it is woken with an error, and nothing more gets out.

        The connections in use are closed. Calling it twice, or after the block, is no error.
        """
        self._end()
        for exchange in self._under_way():
            exchange.cancel()

    def hold(self, exchange: Exchange) -> None:
        """End this exchange when the block ends, at once if it has ended."""
        # It isn't kept alive by its ticket: a call whose event loop has died goes, and so does its ticket.
        self._held[id(exchange)] = ref(exchange)
        if self.ended:
            exchange.cancel()

    def keep(self, exchange: Exchange) -> None:
        """Keep a held exchange alive: whoever got its answer may drop it without a word."""
        self._kept.add(exchange)

    def release(self, exchange: Exchange) -> None:
        """Forget an exchange that is over."""
        self._held.pop(id(exchange), None)
        self._kept.discard(exchange)

    def _under_way(self) -> list[Exchange]:
        return [exchange for one in list(self._held.values()) if (exchange := one()) is not None]

    def _end(self) -> None:
        # The mark goes first: an exchange that is held from now on sees it.
        self.ended = True
        self._tickets.forget(self._text)
