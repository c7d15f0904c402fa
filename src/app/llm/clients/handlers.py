"""The connections of event loops, as aiohttp knows them."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from aiohttp.client_proto import ResponseHandler

from app.llm.clients.awaited_exchange import AwaitedExchange
from app.llm.clients.sockets import RESET


class ExchangeHandler(ResponseHandler):
    """A connection that tells each exchange that it serves it, as it is given it in place of a time-out."""

    _cut = False

    def set_response_params(self, **params: Any) -> None:
        """Begin another exchange."""
        exchange = params.get("read_timeout")
        if isinstance(exchange, AwaitedExchange):
            exchange.taken(self)
            params["read_timeout"] = exchange.sock_read
        super().set_response_params(**params)

    @property
    def unsent(self) -> bool:
        """Whether the other side hasn't taken yet what is to be sent."""
        return self._cut or (self.transport is not None and self.transport.get_write_buffer_size() > 0)

    def close(self) -> None:
        """Close the connection; it doesn't wait until the other side has taken the rest of a request."""
        transport = self.transport
        if transport is None or not self.unsent:
            super().close()
            return
        self._cut = True
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.abort()
