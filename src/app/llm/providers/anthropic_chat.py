"""ChatAnthropic over the shared transport. Importing this module imports the anthropic SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
from anthropic._models import FinalRequestOptions
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage
from pydantic import PrivateAttr, SecretStr

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.failures import ErrorInAnswer, NothingInAnswer
from app.llm.providers.calls import TOLD
from app.llm.providers.rendering import check_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx2
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.outputs import ChatResult
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

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

    def bind_tools(
        self,
        tools: Sequence[Mapping[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, str] | str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools. A choice is kept: whether a model that thinks may be forced is judged before."""
        bound: Any = super().bind_tools(tools, **kwargs)
        if tool_choice:
            said = {"type": tool_choice} if tool_choice in ("any", "auto") else tool_choice
            said = {"type": "tool", "name": said} if isinstance(said, str) else said
            bound.kwargs["tool_choice"] = {**bound.kwargs.get("tool_choice", {}), **said}
        return bound  # type: ignore[no-any-return]

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        told, thinking = kwargs.pop(TOLD, None), kwargs.get("thinking")
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if thinking is not None:
            payload["thinking"] = thinking  # ChatAnthropic takes its own over that of the call
        if told is not None:
            payload["system"] = with_told(payload.get("system"), told)
        return payload

    def _format_output(self, data: anthropic.types.Message, **kwargs: Any) -> ChatResult:
        if getattr(data, "type", None) == "error":
            raise ErrorInAnswer(data.model_dump())
        if not isinstance(getattr(data, "content", None), list):
            raise NothingInAnswer("the message has no content")
        result = super()._format_output(data, **kwargs)
        _keep_no_usage_but(getattr(data, "usage", None), result.generations[0].message)
        return result

    def _make_message_chunk_from_anthropic_event(
        self, event: anthropic.types.RawMessageStreamEvent, **kwargs: Any
    ) -> tuple[AIMessageChunk | None, anthropic.types.RawMessageStreamEvent | None]:
        message, block = super()._make_message_chunk_from_anthropic_event(event, **kwargs)
        if message is not None and message.usage_metadata is not None:
            _keep_no_usage_but(getattr(event, "usage", None), message)
        return message, block

    @property
    def _client(self) -> anthropic.Client:
        return self._sealed[0]

    @property
    def _async_client(self) -> anthropic.AsyncClient:
        return self._sealed[1]


def with_told(system: str | list[dict[str, Any]] | None, told: str) -> list[dict[str, Any]]:
    """Return the system message with something more for the model."""
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system or []
    return [*blocks, {"type": "text", "text": told}]


def _keep_no_usage_but(said: object, message: BaseMessage) -> None:
    """Take the usage out of a message if the provider said none: LangChain counts 0 (R15)."""
    if said is None and isinstance(message, AIMessage):
        message.usage_metadata = None


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
        stream_usage=True,  # without it, LangChain keeps the word for how a stream ended to itself
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
