"""ProviderRegistry: from a provider's row to a client spec, a credential and a built client."""

from __future__ import annotations

from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from app.errors import (
    MissingPlatformKey,
    TransportRefused,
    UnknownProtocol,
    UserEndpointRefused,
    UserKeyRequired,
)
from app.llm.catalog.model import USER_ENDPOINT
from app.llm.clients.guard.judging import Guard
from app.llm.clients.spec import ClientSpec, Credential, CredentialReference, Grant, origin_of
from app.llm.providers.anthropic import AnthropicAdapter
from app.llm.providers.gemini import GeminiAdapter
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from app.llm.providers.vertex import VertexAccessToken, vertex_base_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from langchain_core.language_models.chat_models import BaseChatModel

    from app.errors import Payer, PointsmanError
    from app.llm.byok.scope import RequestScope
    from app.llm.catalog.model import Provider
    from app.llm.catalog.options import Honoured, OptionValue
    from app.llm.clients.transport import Transport
    from app.llm.providers.launching import Launchers
    from app.llm.providers.protocol import ProtocolAdapter
    from app.settings import Settings

ENTRY_POINTS = "pointsman.protocols"
VERTEX_SOURCE = "application-default credentials of Google Cloud"
KEYLESS = "no key needed"


def installed_adapters(entries: Iterable[EntryPoint] | None = None) -> dict[str, ProtocolAdapter]:
    """Return our adapters and those that other packages add through entry points, by protocol."""
    own: Iterable[ProtocolAdapter] = (OpenAICompatibleAdapter(), GeminiAdapter(), AnthropicAdapter())
    adapters = {adapter.name: adapter for adapter in own}
    for entry in entry_points(group=ENTRY_POINTS) if entries is None else entries:
        adapters[entry.name] = entry.load()()
    return adapters


class ProviderRegistry:
    """Joins provider rows, wire protocols and the operator's settings; holds no client and no user's key."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        launchers: Launchers,
        adapters: Mapping[str, ProtocolAdapter] | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._settings, self._transport, self._launchers = settings, transport, launchers
        self._adapters = dict(adapters) if adapters is not None else installed_adapters()
        self._vertex_token = VertexAccessToken()
        self._guard = Guard.of(settings) if guard is None else guard

    @property
    def honours(self) -> dict[str, Honoured]:
        """The options that each wire protocol can render, by protocol."""
        return {name: adapter.honours for name, adapter in self._adapters.items()}

    def adapter(self, protocol: str) -> ProtocolAdapter:
        """Return the adapter of a wire protocol.

        :raises UnknownProtocol: no installed adapter speaks it.
        """
        found = self._adapters.get(protocol)
        if found is None:
            raise UnknownProtocol(protocol, self._adapters)
        return found

    def spec(
        self, provider: Provider, model: str, payer: Payer, options: tuple[tuple[str, OptionValue], ...]
    ) -> ClientSpec:
        """Return the client spec of a hop: all that its client will ever be built from (R1, R3)."""
        redirected = self.redirect(provider)
        vertex = self._settings.vertex if self._is_vertex(provider, payer) else None
        return ClientSpec(
            protocol=provider.row.protocol,
            provider=provider.name,
            base_url=vertex_base_url(vertex[1]) if vertex else redirected or provider.row.base_url or "",
            model=provider.wire_name(model),
            payer=payer,
            auth="bearer" if vertex else self.adapter(provider.row.protocol).auth,
            options=options,
            headers=tuple(sorted(provider.row.headers.items())),
            supports=provider.supports(model),
            launch=None if redirected else provider.row.launch,
            structured_method=provider.row.structured_method,
            vertex=vertex,
            user_named=provider.name == USER_ENDPOINT,
        )

    def redirect(self, provider: Provider) -> str | None:
        """Return the operator's own base URL for a provider, from `<PROVIDER>_BASE_URL`."""
        if provider.name == USER_ENDPOINT:
            return None
        return self._settings.variable(base_url_variable(provider.name))

    def reference(self, provider: Provider, spec: ClientSpec) -> CredentialReference:
        """Return which secret a hop with this spec is run with, and where it comes from."""
        holder = provider.key_holder
        if spec.payer == "user":
            return CredentialReference(holder, "user", "the user's request")
        if spec.vertex:
            return CredentialReference(holder, "platform", VERTEX_SOURCE)
        return CredentialReference(holder, "platform", provider.row.key_env or KEYLESS, provider.row.key_env)

    def missing(
        self, provider: Provider, spec: ClientSpec, feature: str
    ) -> Callable[[], PointsmanError] | None:
        """Return what makes the error if this spec lacks a variable, or a user named an unfit endpoint."""
        if spec.user_named:
            return self._refused(spec)
        missing = None
        if not spec.base_url and not spec.launch:
            missing = base_url_variable(provider.name)
        elif (variable := self.reference(provider, spec).variable) and not self._settings.variable(variable):
            missing = variable
        return partial(MissingPlatformKey, provider.name, missing, feature) if missing else None

    def grant(self, spec: ClientSpec, reference: CredentialReference, scope: RequestScope | None) -> Grant:
        """Return leave to call the endpoint of this spec with the one credential that is referred to.

        :raises UserKeyRequired: a user pays, and the scope holds no key of theirs for it (R6).
        :raises TransportRefused: the endpoint is a user's own, and the credential isn't its (R5).
        """
        origin = origin_of(self.base_url(spec))
        credential = self._credential(spec, reference, scope)
        return Grant(credential, origin, spec.auth, user_named=spec.user_named)

    def base_url(self, spec: ClientSpec) -> str:
        """Return where the endpoint is; one that has to be launched is started on first use."""
        return self._launchers.url(spec.launch) if spec.launch else spec.base_url

    def build(self, spec: ClientSpec) -> BaseChatModel:
        """Return a new client: the only construction path, for every payer (R3)."""
        return self.adapter(spec.protocol).build(spec, self.base_url(spec), self._transport)

    def _credential(
        self, spec: ClientSpec, reference: CredentialReference, scope: RequestScope | None
    ) -> Credential | None:
        if spec.user_named:
            return _endpoint_credential(spec, reference, scope)
        if reference.payer == "user":
            key = scope.key(reference.provider) if scope else None
            if key is None:
                raise UserKeyRequired(spec.provider, (reference.provider,))
            return Credential(spec.provider, "user", reference.source, key.get_secret_value)
        if spec.vertex:
            return Credential(spec.provider, "platform", reference.source, self._vertex_token)
        if reference.variable is None:
            return None
        secret = self._settings.variable(reference.variable)
        if secret is None:
            raise MissingPlatformKey(spec.provider, reference.variable, "")
        return Credential(spec.provider, "platform", reference.source, lambda: secret)

    def _refused(self, spec: ClientSpec) -> Callable[[], PointsmanError] | None:
        try:
            self._guard.reach(origin_of(spec.base_url))
        except UserEndpointRefused as error:
            return partial(UserEndpointRefused, error.reason)
        return None

    def _is_vertex(self, provider: Provider, payer: Payer) -> bool:
        return provider.row.protocol == "gemini" and payer == "platform" and self._settings.vertex is not None


def _endpoint_credential(
    spec: ClientSpec, reference: CredentialReference, scope: RequestScope | None
) -> Credential:
    endpoint = scope.endpoint if scope else None
    if endpoint is None or endpoint.base_url != spec.base_url:
        raise TransportRefused("an endpoint that a user named is only called for that user's own request")
    source, key = reference.source, endpoint.key
    return Credential(spec.provider, "user", source, key.get_secret_value, endpoint=origin_of(spec.base_url))


def base_url_variable(provider: str) -> str:
    """Return the name of the variable with which the operator redirects a provider."""
    return f"{provider.upper()}_BASE_URL"
