"""A transport that is watched: each request is shown before it leaves, and each refusal after it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from app.errors import TransportRefused
from app.llm.clients.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from app.llm.clients.awaiting import AwaitingLine
    from app.llm.clients.blocking import BlockingLine


class WatchedTransport(Transport):
    """A transport that shows every request to somebody. It does all that its base does."""

    def leaving(self, request: httpx2.Request) -> None:
        """See a request that an SDK wants to send; raising keeps it here."""

    def refused(self, error: TransportRefused) -> None:
        """See that the door refused a request."""

    def blocking_line(self) -> BlockingLine:
        """Return the way out for threads, and somebody in front of it."""
        return cast("BlockingLine", WatchedThreads(self, super().blocking_line()))

    def awaiting_line(self) -> AwaitingLine:
        """Return the way out for event loops, and somebody in front of it."""
        return cast("AwaitingLine", WatchedLoops(self, super().awaiting_line()))

    @contextmanager
    def watching(self, request: httpx2.Request) -> Iterator[None]:
        """Show a request, and what becomes of it in the block."""
        self.leaving(request)
        try:
            yield
        except TransportRefused as error:
            self.refused(error)
            raise


class WatchedThreads:
    """The way out for threads, watched."""

    def __init__(self, watcher: WatchedTransport, line: BlockingLine) -> None:
        self._watcher, self._line = watcher, line

    def send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """Send what may leave."""
        with self._watcher.watching(request):
            return self._line.send(request, stream=stream)


class WatchedLoops:
    """The way out for event loops, watched."""

    def __init__(self, watcher: WatchedTransport, line: AwaitingLine) -> None:
        self._watcher, self._line = watcher, line

    async def send(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """Send what may leave."""
        with self._watcher.watching(request):
            return await self._line.send(request, stream=stream)
