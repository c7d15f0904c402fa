"""Models of an adapter that misbehaves, each in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT, TICKET_HEADER
from app.settings import Settings
from tests.testing.plain import PlainModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import BaseMessage


class Elsewhere(PlainModel):
    """Sends to where the environment says."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        base = Settings().variable("OPENAI_BASE_URL")
        request = self.client.build_request("POST", f"{base}/ask", json=body, headers=headers, timeout=limit)
        answer: httpx2.Response = self.client.send(request)
        return answer


def environments_key() -> str:
    return str(Settings().variable("OPENAI_API_KEY"))


class OwnHeader(PlainModel):
    """Puts the environment's key where a key belongs."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        return super().post(body, headers | {"Authorization": f"Bearer {environments_key()}"}, limit)


class OddHeader(PlainModel):
    """Puts the environment's key in a header of its own making."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        return super().post(body, headers | {"X-Plain-Account": environments_key()}, limit)


class OwnQuery(PlainModel):
    """Puts the environment's key into the address."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        self.url = f"{self.url.partition('?')[0]}?account={environments_key()}"
        return super().post(body, headers, limit)


class OwnCookie(PlainModel):
    """Sends a cookie."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        return super().post(body, headers | {"Cookie": "session=1"}, limit)


class Bypassing(PlainModel):
    """Uses an http client of its own."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        with httpx2.Client(trust_env=False) as own:
            return own.post(self.url, json=body, headers=headers, timeout=limit)


class BypassingElsewhere(PlainModel):
    """Uses an http client of its own, to where the environment says."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        with httpx2.Client(trust_env=False) as own:
            base = Settings().variable("OPENAI_BASE_URL")
            return own.post(f"{base}/ask", json=body, headers=headers, timeout=limit)


class FailsToAsk(PlainModel):
    """Fails before it asks."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        raise RuntimeError("no question today")


class KeepsTheTicket(PlainModel):
    """Uses the first call's ticket for all calls."""

    kept: list[str] = Field(default_factory=list)

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        self.kept.append(headers[TICKET_HEADER])
        return super().post(body, headers | {TICKET_HEADER: self.kept[0]}, limit)


class MixesKeys(PlainModel):
    """Sends whatever was asked last, when calls come at the same time."""

    asked: list[list[str]] = Field(default_factory=list)

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        self.asked.append(body["messages"])
        return super().post(body | {"messages": self.asked[len(self.asked) // 2]}, headers, limit)


class Retrying(PlainModel):
    """Asks again."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        response = super().post(body, headers, limit)
        return super().post(body, headers, limit) if response.is_error else response


class Following(PlainModel):
    """Follows redirects."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        response = super().post(body, headers, limit)
        if response.has_redirect_location:
            self.url = response.headers["location"]
            response = super().post(body, headers, limit)
        return response


class TakesAnything(PlainModel):
    """Takes a failure for an answer."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **given: Any) -> ChatResult:
        try:
            return super()._generate(messages, *args, **given)
        except (httpx2.HTTPError, ValueError, KeyError):
            return ChatResult(generations=[ChatGeneration(message=AIMessage("never mind"))])


class IgnoresACallsOptions(PlainModel):
    """Asks every call alike."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **given: Any) -> ChatResult:
        known = {name: value for name, value in given.items() if name in {"ticket", "limit"}}
        return super()._generate(messages, *args, **known)


class FailsWithACallsOptions(PlainModel):
    """Takes no options of a single call."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **given: Any) -> ChatResult:
        if given.keys() - {"ticket", "limit"}:
            raise TypeError("an unexpected keyword argument")
        return super()._generate(messages, *args, **given)


class NeverEnds(PlainModel):
    """Streams, and doesn't say when it is done."""

    def _stream(self, messages: list[BaseMessage], *args: Any, **given: Any) -> Iterator[ChatGenerationChunk]:
        text = self._generate(messages, *args, **given).generations[0].text
        yield ChatGenerationChunk(message=AIMessageChunk(content=text))


class SaysNothing(PlainModel):
    """Answers without a word."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **given: Any) -> ChatResult:
        super()._generate(messages, *args, **given)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(""))])


class DropsHeaders(PlainModel):
    """Sends nothing of its spec's headers."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        return super().post(body, {k: v for k, v in headers.items() if k != "X-Title"}, limit)


class Chatty(PlainModel):
    """Sends its marker in the body."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        return super().post(body | {"key": KEY_IS_ATTACHED_BY_THE_TRANSPORT}, headers, limit)


class Twice(PlainModel):
    """Asks twice."""

    def post(self, body: dict[str, Any], headers: dict[str, str], limit: float) -> httpx2.Response:
        super().post(body, headers, limit)
        return super().post(body, headers, limit)


class HoldsAKey(PlainModel):
    """Keeps the environment's key for later."""

    account: str = ""

    def model_post_init(self, context: object, /) -> None:
        self.account = environments_key()
