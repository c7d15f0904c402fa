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

    _unanswered = False
    _unsent = False

    def set_response_params(self, **params: Any) -> None:
        """Begin another exchange."""
        exchange = params.get("read_timeout")
        if isinstance(exchange, AwaitedExchange):
            exchange.taken(self)
            self._unanswered = True
            params["read_timeout"] = exchange.sock_read
        super().set_response_params(**params)

    @property
    def unsent(self) -> bool:
        """Whether the other side hasn't taken what was to be sent, before the connection was closed."""
        transport = self.transport
        return self._unsent if transport is None else transport.get_write_buffer_size() > 0

    def answered(self) -> None:
        """Note that the other side has begun to answer."""
        self._unanswered = False

    def close(self) -> None:
        """Close the connection; one that is left in the middle at once, without any farewell."""
        if self._unanswered:
            self._drop_unsent()
        if self._unanswered or not (self._payload is None or self._payload.is_eof()):
            self.abort()  # TLS would wait for the other side's word, and plain TCP until it has read all
        else:
            super().close()

    def _drop_unsent(self) -> None:
        """Let closing drop what the other side doesn't take, in the system's hands too."""
        if self.transport is not None:
            self._unsent = self.unsent
            with suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
