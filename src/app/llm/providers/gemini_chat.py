"""ChatGoogleGenerativeAI over the shared transport. Importing this module imports the google-genai SDK."""

from __future__ import annotations

import ssl
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, NoReturn

from google import genai
from google.auth.credentials import Credentials
from google.genai.types import HttpOptions, HttpRetryOptions
from langchain_core.messages import HumanMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr, model_validator

from app.errors import TransportRefused
from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.providers.gemini_answers import Heard, refuse_empty
from app.llm.providers.rendering import check_kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import Self

    from google.genai.client import AsyncClient
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from app.llm.clients.spec import ClientSpec
    from app.llm.clients.transport import Transport

ANTHROPIC_MEDIA: Final = frozenset({"image", "document"})
"""The blocks in which Anthropic's messages carry media."""


class InertCredentials(Credentials):
    """Google credentials whose token is the marker that the transport replaces. They never expire."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = KEY_IS_ATTACHED_BY_THE_TRANSPORT

    def refresh(self, request: object) -> NoReturn:  # noqa: ARG002 - the base class's signature
        """Raise TransportRefused: a real token is the transport's matter."""
        raise TransportRefused("the SDK tried to get an access token of its own")


class TransportedChatGoogle(ChatGoogleGenerativeAI):
    """A ChatGoogleGenerativeAI over a given client, which knows the timeout and the attempts."""

    max_retries: int | None = None  # type: ignore[assignment]  # None: no retry options per request
    """Attempts in total for one call; None: the client's own, which is one."""

    @model_validator(mode="after")
    def validate_environment(self) -> Self:
        """Build no client, and read nothing from the environment, where the model it extends does both."""
        return self

    @property
    def async_client(self) -> AsyncClient:
        """Return the asynchronous face of the client. It may serve any event loop."""
        if self.client is None:
            raise TransportRefused("a Gemini model was used before it was given its client")
        return self.client.aio

    def _prepare_request(self, messages: list[BaseMessage], **kwargs: Any) -> dict[str, Any]:
        # The other protocols' models take another model for one call, and media as Anthropic writes them.
        model = kwargs.pop("model", self.model)
        return super()._prepare_request([_readable(one) for one in messages], **kwargs) | {"model": model}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = super()._generate(messages, stop, run_manager, **kwargs)
        refuse_empty(result)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result = await super()._agenerate(messages, stop, run_manager, **kwargs)
        refuse_empty(result)
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        heard = Heard()
        for chunk in super()._stream(messages, stop, run_manager, **kwargs):
            heard.note(chunk)
            yield chunk
        heard.refuse_silence()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        heard = Heard()
        stream: Any = super()._astream(messages, stop, run_manager, **kwargs)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                heard.note(chunk)
                yield chunk
        heard.refuse_silence()


def _readable(message: BaseMessage) -> BaseMessage:
    """Return the message with Anthropic's media blocks as LangChain's own."""
    if not isinstance(message, HumanMessage) or isinstance(message.content, str):
        return message
    content = [_standard(block) for block in message.content]
    return message.model_copy(update={"content": content})


def _standard(block: Any) -> Any:  # noqa: ANN401 - any block LangChain knows
    if isinstance(block, dict) and block.get("type") in ANTHROPIC_MEDIA and "source" in block:
        return HumanMessage([block]).content_blocks[0]
    return block


def build_gemini_chat(
    spec: ClientSpec, base_url: str, transport: Transport, arguments: Mapping[str, Any]
) -> TransportedChatGoogle:
    """Return the chat model for a spec; `arguments` are its options as fields, and `timeout` in seconds."""
    options = {name: value for name, value in arguments.items() if name != "timeout"}
    model = TransportedChatGoogle(
        model=spec.model,
        google_api_key=SecretStr(KEY_IS_ATTACHED_BY_THE_TRANSPORT),
        vertexai=spec.vertex is not None,
        project=spec.vertex[0] if spec.vertex else "",
        location=spec.vertex[1] if spec.vertex else "",
        **{"temperature": None, **options},
    )
    check_kept(spec, model, options)
    model.client = _client(spec, _http_options(spec, base_url, transport, arguments["timeout"]))
    return model


def _client(spec: ClientSpec, http_options: HttpOptions) -> genai.Client:
    if spec.vertex is None:
        return genai.Client(
            vertexai=False, api_key=KEY_IS_ATTACHED_BY_THE_TRANSPORT, http_options=http_options
        )
    project, location = spec.vertex
    return genai.Client(
        vertexai=True,
        project=project,
        location=location,
        credentials=InertCredentials(),
        http_options=http_options,
    )


def _http_options(spec: ClientSpec, base_url: str, transport: Transport, timeout_s: float) -> HttpOptions:
    # Without a context in these arguments the SDK builds two full ones (40 ms) that nobody uses.
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return HttpOptions(
        base_url=base_url,
        headers={"user-agent": f"pointsman google-genai/{genai.__version__}", **dict(spec.headers)},
        timeout=round(timeout_s * 1000),
        retry_options=HttpRetryOptions(attempts=1),
        httpx_client=transport.client(),
        httpx_async_client=transport.async_client(),
        client_args={"verify": unused},
        async_client_args={"ssl": unused},
    )
