"""The clients that were built, by spec."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from cachetools import TTLCache

from app.errors import ResourceClosed
from app.llm.forks import renew_in_children

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.clients.spec import ClientSpec


class ClientCache:
    """The chat models by client spec, each built once however many threads ask for it at the same time.

    Platform clients live as long as the cache. Clients that users pay for live at most `ttl_s` seconds, and
    beyond `limit` the least recently used makes room. There may be as many again at endpoints that users
    named, and a flood of those costs nobody else a client. No client holds a connection or a key, so dropping
    one closes nothing. A forked child builds clients of its own.
    """

    def __init__(
        self,
        build: Callable[[ClientSpec], BaseChatModel],
        *,
        limit: int = 256,
        ttl_s: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build = build
        self._new_pool: Callable[[], TTLCache[ClientSpec, BaseChatModel]] = partial(
            TTLCache, limit, ttl_s, timer=clock
        )
        self._closed = False
        self.renew()
        renew_in_children(self)

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._pools))

    def get(self, spec: ClientSpec) -> BaseChatModel:
        """Return the client of a spec, built now if there is none.

        A construction that fails raises its error to everyone who waited for it, and is tried again by the
        next call. Raises ResourceClosed after `close`.
        """
        client = self._platform.get(spec)
        return client if client is not None else self._get_or_build(spec)

    def close(self) -> None:
        """Forget all clients and refuse further calls. Calling it twice is no error."""
        with self._lock:
            self._closed = True
            for pool in self._pools:
                pool.clear()

    def renew(self) -> None:
        """Start empty. In a forked child, what was cached may hold locks that threads of the parent have."""
        self._lock = threading.Lock()
        self._platform: dict[ClientSpec, BaseChatModel] = {}
        self._users, self._named = self._new_pool(), self._new_pool()
        self._under_construction: dict[ClientSpec, Future[BaseChatModel | None]] = {}

    def _get_or_build(self, spec: ClientSpec) -> BaseChatModel:
        with self._lock:
            if self._closed:
                raise ResourceClosed("the client cache is closed")
            client = self._pool_of(spec).get(spec)
            if client is not None:
                return client
            future = self._under_construction.get(spec)
            mine = future is None
            if future is None:
                future = self._under_construction[spec] = Future()
        client = self._construct(spec, future) if mine else future.result()
        return client if client is not None else self.get(spec)

    def _construct(self, spec: ClientSpec, future: Future[BaseChatModel | None]) -> BaseChatModel:
        try:
            client = self._build(spec)
        except Exception as error:
            self._settle(spec)
            future.set_exception(error)
            raise
        except BaseException:
            # An interrupt of this thread is no answer for those who wait: they try again.
            self._settle(spec)
            future.set_result(None)
            raise
        self._settle(spec, client)
        future.set_result(client)
        return client

    def _settle(self, spec: ClientSpec, client: BaseChatModel | None = None) -> None:
        with self._lock:
            self._under_construction.pop(spec, None)
            if client is not None and not self._closed:
                self._pool_of(spec)[spec] = client

    @property
    def _pools(self) -> tuple[MutableMapping[ClientSpec, BaseChatModel], ...]:
        return self._platform, self._users, self._named

    def _pool_of(self, spec: ClientSpec) -> MutableMapping[ClientSpec, BaseChatModel]:
        if spec.user_named:
            return self._named
        return self._users if spec.payer == "user" else self._platform
