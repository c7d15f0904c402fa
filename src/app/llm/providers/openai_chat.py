"""ChatOpenAI over the shared transport. Importing this module imports the openai SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx  # noqa: F401 - openai looks at it in every request, and fails while another thread imports it
import openai
from langchain_openai import ChatOpenAI

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.providers.calls import TOLD
from app.llm.providers.openai_answers import (
    readable,
    reasoning_in,
    refuse_error_in,
    refuse_unjoinable,
    said_in,
)
from app.llm.providers.openai_requests import as_data, with_file_names, with_told
from app.llm.providers.rendering import check_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from app.llm.clients.spec import ClientSpec
    from app.llm.clients.transport import Transport

# An argument that isn't given, or is None where the SDK looks further, is read from the environment.
NOT_FROM_THE_ENVIRONMENT: Final[Mapping[str, Any]] = {
    "openai_api_key": KEY_IS_ATTACHED_BY_THE_TRANSPORT,
    "openai_proxy": None,
    "http_socket_options": (),
    "output_version": None,
    "use_responses_api": False,
    "max_retries": 0,
}


class SealedOpenAI(openai.OpenAI):
    """An openai client whose headers are its spec's, and nobody's environment."""

    sealed_headers: Mapping[str, str]

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        """Return the headers of every request, without the SDK's report about this machine."""
        return dict(self.sealed_headers)


class SealedAsyncOpenAI(openai.AsyncOpenAI):
    """An asynchronous openai client whose headers are its spec's, and nobody's environment."""

    sealed_headers: Mapping[str, str]

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        """Return the headers of every request, without the SDK's report about this machine."""
        return dict(self.sealed_headers)


class TransportedChatOpenAI(ChatOpenAI):
    """A ChatOpenAI for chat completions over given clients, that never waits for the loop's thread pool."""

    limit_parameter: str = "max_completion_tokens"
    """How the provider calls the limit of an answer: many know OpenAI's older `max_tokens` only."""

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        told, stops = kwargs.pop(TOLD, None), kwargs.pop("stop_sequences", None)
        kwargs.pop("stream_usage", None)  # a whole answer has it in any case
        stop = stop if stop is not None else stops
        if isinstance(input_, list):
            input_ = with_file_names(input_)
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if told is not None:
            payload["messages"] = with_told(payload["messages"], told)
        if "max_completion_tokens" in payload:
            payload[self.limit_parameter] = payload.pop("max_completion_tokens")
        if (wished := payload.pop("response_format", None)) is not None:
            # The SDK would parse the answer by a path of its own, which copies all that came at every chunk.
            payload["extra_body"] = {"response_format": as_data(wished), **(payload.get("extra_body") or {})}
        return payload

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - the base class's signature
        **kwargs: Any,
    ) -> ChatResult:
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        return self._create_chat_result(self.client.create(**payload))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - the base class's signature
        **kwargs: Any,
    ) -> ChatResult:
        # ChatOpenAI reads the answer in the loop's default thread pool, and waits there when it is full.
        payload = self._get_request_payload(messages, stop=stop, **kwargs)
        return self._create_chat_result(await self.async_client.create(**payload))

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        refuse_error_in(response)
        result = super()._create_chat_result(response, generation_info)
        choices = response["choices"] if isinstance(response, dict) else getattr(response, "choices", ())
        for generation, choice in zip(result.generations, choices, strict=False):
            _keep_reasoning(generation.message, said_in(choice))
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        refuse_error_in(chunk)
        refuse_unjoinable(chunk)
        generation = super()._convert_chunk_to_generation_chunk(
            readable(chunk), default_chunk_class, base_generation_info
        )
        if generation is not None and (choices := chunk.get("choices")):
            _keep_reasoning(generation.message, choices[0].get("delta"))
        return generation


def _keep_reasoning(message: BaseMessage, said: object) -> None:
    """Keep the reasoning of a message, or of a part of it, where LangChain keeps that of such providers."""
    if reasoning := reasoning_in(said):
        message.additional_kwargs["reasoning_content"] = reasoning


def build_openai_chat(
    spec: ClientSpec, base_url: str, transport: Transport, arguments: Mapping[str, Any]
) -> TransportedChatOpenAI:
    """Return the chat model for a spec; `arguments` are its options as fields or request parameters."""
    fields = {name: value for name, value in arguments.items() if name in TransportedChatOpenAI.model_fields}
    client, async_client = _clients(spec, base_url, transport, arguments["request_timeout"])
    model = TransportedChatOpenAI(
        model_name=spec.model,
        root_client=client,
        client=client.chat.completions,
        root_async_client=async_client,
        async_client=async_client.chat.completions,
        limit_parameter="max_completion_tokens" if "max_completion_tokens" in spec.supports else "max_tokens",
        model_kwargs={name: value for name, value in arguments.items() if name not in fields},
        stream_usage="usage" in spec.supports,
        # It waits with wait_for, which on Python 3.11 forgets a cancellation that meets a chunk. The wait for
        # bytes is bounded by the transport.
        stream_chunk_timeout=None,
        **fields,
        **NOT_FROM_THE_ENVIRONMENT,
    )
    check_kept(spec, model, fields)
    model.openai_organization = None  # read from the environment, and shown wherever the model is
    return model


def _clients(
    spec: ClientSpec, base_url: str, transport: Transport, timeout: float
) -> tuple[SealedOpenAI, SealedAsyncOpenAI]:
    arguments: dict[str, Any] = {
        "api_key": KEY_IS_ATTACHED_BY_THE_TRANSPORT,
        "base_url": base_url,
        "timeout": timeout,
        "max_retries": 0,
        **dict.fromkeys(("admin_api_key", "organization", "project", "webhook_secret"), ""),
    }
    client = SealedOpenAI(http_client=transport.client(), **arguments)
    async_client = SealedAsyncOpenAI(http_client=transport.async_client(), **arguments)
    client.sealed_headers = async_client.sealed_headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"pointsman openai/{openai.__version__}",
        **dict(spec.headers),
    }
    # The SDK would look at the machine for a header that is never sent, in the loop's default thread pool.
    async_client._platform = "Unknown"  # noqa: SLF001 - as said above
    return client, async_client
