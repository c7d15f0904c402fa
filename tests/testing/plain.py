"""An adapter as another package would write one, for a protocol of its own. It behaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from langchain_core.messages import BaseMessage

    from app.llm.catalog.options import Honoured
    from app.llm.clients.spec import AuthScheme, ClientSpec
    from app.llm.clients.transport import Transport

HONOURED = ("temperature", "max_tokens", "timeout_s")


class PlainModel(BaseChatModel):
    """A chat model that posts JSON over an http client, as a package's own adapter would."""

    client: Any
    url: str
    settings: dict[str, Any] = Field(default_factory=dict)
    extra: dict[str, str] = Field(default_factory=dict)
    limit: float = 120.0

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(
        self, messages: list[BaseMessage], *_: Any, ticket: str = "", limit: float | None = None, **given: Any
    ) -> ChatResult:
        response = self.post(
            {"messages": [message.text for message in messages], **self.settings, **given},
            {
                "Authorization": f"Bearer {KEY_IS_ATTACHED_BY_THE_TRANSPORT}",
                TICKET_HEADER: ticket,
                **self.extra,
            },
            self.limit if limit is None else limit,
        )
        response.raise_for_status()
        return ChatResult(generations=[ChatGeneration(message=AIMessage(response.json()["text"]))])

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        """Send the request."""
        request = self.client.build_request("POST", self.url, json=body, headers=headers, timeout=limit)
        answer: httpx2.Response = self.client.send(request)
        return answer


class PlainAdapter:
    """A well-behaved adapter for a protocol of its own."""

    name: str = "plain"
    auth: AuthScheme = "bearer"
    honours: Honoured = dict.fromkeys(HONOURED)
    model: type[PlainModel] = PlainModel

    def build(self, spec: ClientSpec, base_url: str, transport: Transport) -> BaseChatModel:
        options = dict(spec.options)
        self.judge(options)
        limit = float(str(options.pop("timeout_s", 120.0)))
        client = transport.client()
        headers = dict(spec.headers)
        return self.model(client=client, url=f"{base_url}/ask", settings=options, extra=headers, limit=limit)

    def judge(self, options: Mapping[str, object]) -> None:
        """Raise ConfigurationError for an option that isn't honoured."""
        from app.errors import ConfigurationError

        if unknown := options.keys() - self.honours.keys():
            raise ConfigurationError(f"no {unknown}")

    def request_arguments(
        self, ticket: str, *, cache_key: str | None = None, timeout_s: float | None = None
    ) -> dict[str, Any]:
        from app.llm.providers.rendering import refuse_cache_key

        refuse_cache_key(self.name, cache_key)
        return {"ticket": ticket, "limit": timeout_s}


def with_model(model: type[PlainModel]) -> PlainAdapter:
    """Return the adapter over another model."""
    adapter = PlainAdapter()
    adapter.model = model
    return adapter
