"""The port that every wire protocol's adapter implements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.catalog.options import Honoured
    from app.llm.clients.spec import AuthScheme, ClientSpec
    from app.llm.clients.transport import Transport


class ProtocolAdapter(Protocol):
    """One wire protocol: which typed options it can render, and how a client that speaks it is built.

    Another package adds one through the entry-point group `pointsman.protocols`: the entry's name is the
    protocol's name, its object is called without arguments and returns the adapter. Importing an adapter's
    module imports no SDK; `build` does.

    It may have one member more, `calls`: a `CallRenderer` (`app.llm.providers.calls`) that says what a single
    call wishes for itself: options, the use of tools, the form of its answer. Without it, LangChain's common
    names are used. Whole answers and streams say how they ended, as `finish_reason` or `stop_reason` in their
    metadata: a stream that doesn't is broken.
    """

    @property
    def name(self) -> str:
        """The protocol's name, as provider rows write it."""
        ...

    @property
    def auth(self) -> AuthScheme:
        """How this protocol carries a key."""
        ...

    @property
    def honours(self) -> Honoured:
        """The typed options (and values) that it can render; any other one is an error at load."""
        ...

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return the SDK's LangChain model for this spec. It holds no secret and never retries.

        `base_url` is the spec's, or what its launcher returned.
        """
        ...

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments of a single call: the transport's ticket, cache key, time left.

        `timeout_s` (seconds) is set when the plan's deadline leaves less than the client's own timeout.
        """
        ...
