"""ChatAnthropic over the shared transport. Importing this module imports the anthropic SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
from anthropic._models import FinalRequestOptions
from langchain_anthropic import ChatAnthropic
from pydantic import PrivateAttr, SecretStr

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.failures import ErrorInAnswer, NothingInAnswer
from app.llm.providers.rendering import check_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from langchain_core.outputs import ChatResult

    from app.llm.clients.spec import ClientSpec
    from app.llm.clients.transport import Transport


class UnloggedOptions(FinalRequestOptions):  # type: ignore[misc]  # final: nothing but its dump is changed
    """A request's options, of which the SDK's log at DEBUG shows no headers and no body."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """Return what the log may show."""
        return {"method": self.method, "url": self.url}


def unlogged(options: FinalRequestOptions) -> UnloggedOptions:
    """Return the same options, of which the log shows less."""
    return UnloggedOptions.model_construct(options.model_fields_set, **vars(options))


class SealedAnthropic(anthropic.Anthropic):
    """An anthropic client whose headers are its spec's, and nobody's environment. It logs no prompt."""

    sealed_headers: Mapping[str, str]

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        return super()._build_request(unlogged(options), retries_taken=retries_taken)

    @property
    def default_headers(self) -> dict[str, str | anthropic.Omit]:
        """Return the headers of every request, without the SDK's report about this machine."""
        return dict(self.sealed_headers)


class SealedAsyncAnthropic(anthropic.AsyncAnthropic):
    """An asynchronous anthropic client whose headers are its spec's. It logs no prompt."""

    sealed_headers: Mapping[str, str]

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        return super()._build_request(unlogged(options), retries_taken=retries_taken)

    @property
    def default_headers(self) -> dict[str, str | anthropic.Omit]:
        """Return the headers of every request, without the SDK's report about this machine."""
        return dict(self.sealed_headers)


class TransportedChatAnthropic(ChatAnthropic):
    """A ChatAnthropic that speaks over the clients it was given."""

    _sealed: tuple[SealedAnthropic, SealedAsyncAnthropic] = PrivateAttr()

    def over(self, client: SealedAnthropic, async_client: SealedAsyncAnthropic) -> TransportedChatAnthropic:
        """Take the clients to speak over, and return itself."""
        self._sealed = (client, async_client)
        return self

    def _format_output(self, data: anthropic.types.Message, **kwargs: Any) -> ChatResult:
        if getattr(data, "type", None) == "error":
            raise ErrorInAnswer(data.model_dump())
        if not isinstance(getattr(data, "content", None), list):
            raise NothingInAnswer("the message has no content")
        return super()._format_output(data, **kwargs)

    @property
    def _client(self) -> anthropic.Client:
        return self._sealed[0]

    @property
    def _async_client(self) -> anthropic.AsyncClient:
        return self._sealed[1]


def build_anthropic_chat(
    spec: ClientSpec, base_url: str, transport: Transport, arguments: Mapping[str, Any]
) -> TransportedChatAnthropic:
    """Return the chat model for a spec; `arguments` are its options as ChatAnthropic fields."""
    model = TransportedChatAnthropic(
        model=spec.model,
        anthropic_api_url=base_url,
        anthropic_api_key=SecretStr(KEY_IS_ATTACHED_BY_THE_TRANSPORT),
        anthropic_proxy=None,
        max_retries=0,
        stream_usage="usage" in spec.supports,
        **arguments,
    )
    check_kept(spec, model, arguments)
    return model.over(*_clients(spec, base_url, transport, arguments["default_request_timeout"]))


def _clients(
    spec: ClientSpec, base_url: str, transport: Transport, timeout: float
) -> tuple[SealedAnthropic, SealedAsyncAnthropic]:
    arguments: dict[str, Any] = {
        "api_key": KEY_IS_ATTACHED_BY_THE_TRANSPORT,
        "webhook_key": "",  # None would be read from the environment
        "base_url": base_url,
        "timeout": timeout,
        "max_retries": 0,
        "open_telemetry": False,  # else the environment could put prompts into spans
    }
    client = SealedAnthropic(http_client=transport.client(), **arguments)
    async_client = SealedAsyncAnthropic(http_client=transport.async_client(), **arguments)
    # What ANTHROPIC_CUSTOM_HEADERS said would be laid over the headers of every request.
    client._custom_headers = async_client._custom_headers = {}  # noqa: SLF001 - as said above
    client.sealed_headers = async_client.sealed_headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"pointsman anthropic/{anthropic.__version__}",
        "anthropic-version": "2023-06-01",
        "X-Api-Key": KEY_IS_ATTACHED_BY_THE_TRANSPORT,
        **dict(spec.headers),
    }
    # The SDK would look at the machine for a header that is never sent, in the loop's default thread pool.
    async_client._platform = "Unknown"  # noqa: SLF001 - as said above
    return client, async_client
