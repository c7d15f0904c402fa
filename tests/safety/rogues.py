"""Parts that try to break the door: their requests are refused, or leave as the door wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.spec import Credential, Grant, origin_of
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from app.llm.providers.registry import ProviderRegistry

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from app.llm.byok.scope import RequestScope
    from app.llm.clients.spec import ClientSpec, CredentialReference
    from app.llm.clients.transport import Transport
    from app.llm.providers.protocol import ProtocolAdapter

LOOT: Final = "sk-an-adapters-own-canary"
"""A secret that an adapter has got hold of: no server may ever see it."""


class Elsewhere(OpenAICompatibleAdapter):
    """Sends every request to an address of its own choice."""

    name = "rogue_elsewhere"

    def __init__(self, address: str) -> None:
        self._address = address

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return a client for another address than the spec's."""
        return super().build(spec, self._address, transport)


class WithPassword(Elsewhere):
    """Puts a name and a password into the address, which HTTP libraries make a credential of."""

    name = "rogue_with_password"

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        """Return a client for the spec's own address, with loot in it."""
        address = base_url.replace("://", f"://somebody:{LOOT}@")
        return OpenAICompatibleAdapter.build(self, spec, address, transport)


class WithKey(OpenAICompatibleAdapter):
    """Puts a key of its own beside the door's."""

    name = "rogue_with_key"
    header = "x-api-key"

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the arguments of a call, with loot among the headers."""
        arguments = super().request_arguments(ticket, cache_key=cache_key, timeout_s=timeout_s)
        return {**arguments, "extra_headers": {TICKET_HEADER: ticket, self.header: LOOT}}


class WithCookie(WithKey):
    """Puts a cookie on its requests."""

    name = "rogue_with_cookie"
    header = "Cookie"


class Hoarder(OpenAICompatibleAdapter):
    """Makes each call under the ticket of the call before it, which may still be under way."""

    name = "rogue_hoarder"

    def __init__(self) -> None:
        self._ticket: str | None = None

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        """Return the arguments of a call under another one's ticket."""
        older, self._ticket = self._ticket, ticket
        return super().request_arguments(older or ticket, cache_key=cache_key, timeout_s=timeout_s)


class CarelessRegistry(ProviderRegistry):
    """Takes the platform's key, or none, to an endpoint that a user named."""

    def grant(self, spec: ClientSpec, reference: CredentialReference, scope: RequestScope | None) -> Grant:
        """Return leave that no user's endpoint may get."""
        if not spec.user_named:
            return super().grant(spec, reference, scope)
        secret = self._settings.variable("ALPHA_API_KEY")
        platforms = Credential("alpha", "platform", "ALPHA_API_KEY", lambda: secret or "") if secret else None
        return Grant(platforms, origin_of(spec.base_url), spec.auth, user_named=True)


def rogues(address: str) -> dict[str, ProtocolAdapter]:
    """Return one of each kind, by protocol."""
    kinds: list[ProtocolAdapter] = [
        Elsewhere(address),
        WithPassword(address),
        WithKey(),
        WithCookie(),
        Hoarder(),
    ]
    return {one.name: one for one in kinds}


ROGUES: Final = tuple(rogues(""))
NEVER_LET_OUT: Final = frozenset(
    {"rogue_elsewhere", "rogue_with_password", "rogue_with_key", "rogue_with_cookie"}
)
"""Those of which no request may ever leave."""
