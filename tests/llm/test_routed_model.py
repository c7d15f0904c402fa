"""The model that a feature is handed, at the wire: whose key travels, what is asked, what leaves it."""

from __future__ import annotations

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.load import dumps
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel

from app.containers import Container, running
from app.errors import ForeignScope, ModelDetached, TransportRefused
from app.llm import InMemoryProfileRepository, RequestScope, request_scope
from app.settings import Settings
from tests.llm.at_a_server import ADA, EVE, USERS_KEY, keys_seen, llm_service
from tests.llm.services import HONOURS, TABLES, service
from tests.servers.fixtures import server

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from app.llm import ClientSpec, LLMService
    from tests.servers.running import RunningServer

__all__ = ["llm_service", "server"]


class City(BaseModel):
    """A city."""

    name: str


def test_the_platforms_key_travels_where_the_platform_pays(
    server: RunningServer, llm_service: LLMService
) -> None:
    answer = llm_service.get_llm("guard", scope=ADA).invoke("hello")

    assert answer.text == "Hello there"
    assert keys_seen(server) == ["Bearer acme-platform"]


def test_the_users_key_travels_where_the_user_pays(server: RunningServer, llm_service: LLMService) -> None:
    llm_service.get_llm("summary", scope=ADA).invoke("hello")
    llm_service.get_llm("coach", scope=EVE).invoke("hello")
    llm_service.get_llm("summary", scope=RequestScope("joe", {"nova": "sk-joe"})).invoke("hello")

    assert keys_seen(server) == [f"Bearer {USERS_KEY}", "Bearer sk-eve", "sk-joe"]


def test_users_share_one_client_that_holds_none_of_their_keys(server: RunningServer) -> None:
    settings = Settings(variables={"ACME_BASE_URL": f"{server.origin}/v1"})
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    with running(Container(settings=settings, profile_repository=repository)) as container:
        for number in range(50):
            scope = RequestScope(f"u{number}", {"acme": f"sk-{number}"})
            container.llm_service().get_llm("coach", scope=scope).invoke("hello")

        assert len(container.client_cache()) == 1
    assert keys_seen(server) == [f"Bearer sk-{number}" for number in range(50)]


def without_attempts(answer: AIMessage) -> dict[str, Any]:
    """What an answer says of its call; its one attempt is looked at here."""
    stamp = dict(answer.response_metadata["pointsman"])
    (attempt,) = stamp.pop("attempts")
    assert attempt.pop("ms") > 0
    assert attempt == {
        "hop": 1,
        "provider": "acme",
        "model": "swift-2",
        "payer": "user",
        "outcome": "answered",
        "requests": 1,
    }
    return stamp


def test_the_answer_says_who_served_it_and_who_paid(llm_service: LLMService) -> None:
    llm = llm_service.get_llm("summary", scope=ADA)
    stamp = {
        "feature": "summary",
        "profile": "premium",
        "provider": "acme",
        "model": "swift-2",
        "payer": "user",
        "hop": 1,
        "plan": ["swift-2:acme (user)"],
        "degraded_because": None,
    }

    assert without_attempts(llm.invoke("hello")) == stamp
    chunks = list(llm.stream("hello"))
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    assert without_attempts(total) == stamp
    assert total.usage_metadata is not None, "streaming always asks for usage"


async def test_async_calls_and_streams_carry_the_same(server: RunningServer, llm_service: LLMService) -> None:
    llm = llm_service.get_llm("summary", scope=ADA)

    assert (await llm.ainvoke("hello")).response_metadata["pointsman"]["payer"] == "user"
    assert "".join([chunk.text async for chunk in llm.astream("hello")]) == "Hello there"
    assert keys_seen(server) == [f"Bearer {USERS_KEY}"] * 2


def test_a_model_works_in_every_event_loop_and_thread(llm_service: LLMService) -> None:
    llm = llm_service.get_llm("summary", scope=ADA)

    def twice(_: int) -> list[str]:
        return [asyncio.run(llm.ainvoke("hello")).text for _ in range(2)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(twice, range(8))) == [["Hello there"] * 2] * 8


def test_options_reach_the_wire_as_the_protocol_spells_them(
    server: RunningServer, llm_service: LLMService
) -> None:
    llm_service.get_llm("summary", scope=RequestScope("u", {"broker": "sk-b"})).invoke("hello")
    llm_service.get_llm("summary", scope=RequestScope("u", {"nova": "sk-n"})).invoke("hello")

    broker, nova = (one.json for one in server.received)
    assert (broker["model"], broker["temperature"]) == ("nova/comet-2-lite", 0.7)
    assert list(nova["generationConfig"]["thinkingConfig"].values()) == [0]
    assert "temperature" not in nova["generationConfig"], "what nobody wished is not sent"


@pytest.mark.parametrize("wish", ["nothing", "tools", "structured output"])
def test_a_cache_key_survives_every_wish_where_the_provider_takes_one(
    wish: str, server: RunningServer, llm_service: LLMService
) -> None:
    llm: Any = llm_service.get_llm("guard", cache_key="user-7")
    if wish == "tools":
        llm = llm.bind_tools([City])
    elif wish == "structured output":
        llm = llm.with_structured_output(City, method="function_calling", include_raw=True)

    llm.invoke("hello")

    assert server.received[0].json["prompt_cache_key"] == "user-7"


def test_a_cache_key_is_not_sent_where_the_provider_takes_none(
    server: RunningServer, llm_service: LLMService
) -> None:
    llm_service.get_llm("summary", cache_key="user-7").invoke("hello")

    assert "prompt_cache_key" not in server.received[0].json


def test_streaming_by_request_streams_under_invoke(server: RunningServer, llm_service: LLMService) -> None:
    answer = llm_service.get_llm("guard", streaming=True).invoke("hello")

    assert answer.text == "Hello there"
    assert server.received[0].json["stream"] is True


def test_each_protocol_renders_tools_in_its_own_way(server: RunningServer, llm_service: LLMService) -> None:
    llm_service.get_llm("guard").bind_tools([City]).invoke("hello")
    llm_service.get_llm("chat").bind_tools([City]).invoke("hello")

    openai, gemini = (one.json["tools"][0] for one in server.received)
    assert openai["function"]["name"] == "City"
    assert gemini["functionDeclarations"][0]["name"] == "City"


def test_bound_tools_show_themselves_in_the_form_that_agents_read(llm_service: LLMService) -> None:
    bound: Any = llm_service.get_llm("chat").bind_tools([City])

    assert [tool["function"]["name"] for tool in bound.kwargs["tools"]] == ["City"]


def test_a_model_of_another_users_request_refuses(server: RunningServer, llm_service: LLMService) -> None:
    with request_scope(ADA):
        adas = llm_service.get_llm("summary")
        adas.invoke("hello")
    with request_scope(EVE), pytest.raises(ForeignScope, match="another user's request"):
        adas.invoke("hello")

    adas.invoke("from a background task, outside of any request")
    assert keys_seen(server) == [f"Bearer {USERS_KEY}"] * 2


async def test_a_leaked_model_refuses_in_async_calls_and_streams_as_well(llm_service: LLMService) -> None:
    adas = llm_service.get_llm("summary", scope=ADA)
    with request_scope(EVE):
        with pytest.raises(ForeignScope):
            await adas.ainvoke("hello")
        with pytest.raises(ForeignScope):
            await anext(adas.astream("hello"))
        with pytest.raises(ForeignScope):
            next(adas.stream("hello"))


def test_a_process_wide_response_cache_is_not_used(server: RunningServer, llm_service: LLMService) -> None:
    set_llm_cache(InMemoryCache())
    try:
        for _ in range(2):
            llm_service.get_llm("summary", scope=ADA).invoke("hello")
    finally:
        set_llm_cache(None)

    assert len(server.received) == 2


def test_nothing_that_leaves_a_model_holds_a_secret(llm_service: LLMService) -> None:
    llm = llm_service.get_llm("summary", scope=ADA)

    for text in (repr(llm), str(llm), dumps(llm), str(llm.asdict()), str(vars(llm)), repr(pickle.dumps(llm))):
        assert USERS_KEY not in text


def test_a_pickled_model_is_a_description_and_says_so(llm_service: LLMService) -> None:
    loaded = pickle.loads(pickle.dumps(llm_service.get_llm("summary", scope=ADA)))  # noqa: S301 - our own

    assert loaded.feature == "summary"
    with pytest.raises(ModelDetached, match="ask the llm_service of this process"):
        loaded.invoke("hello")


def test_a_copied_model_still_runs_its_plan(llm_service: LLMService) -> None:
    llm = llm_service.get_llm("summary", scope=ADA)

    assert copy.copy(llm).invoke("hello").text == copy.deepcopy(llm).invoke("hello").text == "Hello there"


@pytest.mark.parametrize(
    ("feature", "wish"),
    [
        ("guard", {"extra_headers": {"x-trace": "t-1"}}),
        ("chat", {"http_options": {"headers": {"x-trace": "t-1"}}}),
    ],
)
def test_headers_that_a_caller_adds_to_a_call_are_sent_beside_ours(
    feature: str, wish: dict[str, Any], server: RunningServer, llm_service: LLMService
) -> None:
    llm_service.get_llm(feature).invoke("hello", **wish)

    assert server.received[0].header("x-trace") == "t-1"
    assert keys_seen(server) in (["Bearer acme-platform"], ["nova-platform"])


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "Cookie"])
def test_a_credential_that_a_caller_adds_to_a_call_is_refused(
    header: str, server: RunningServer, llm_service: LLMService
) -> None:
    with pytest.raises(TransportRefused, match="carries a credential that the transport didn't attach"):
        llm_service.get_llm("guard").invoke("hello", extra_headers={header: "Bearer sk-smuggled"})

    assert server.received == []


def test_a_model_named_for_one_call_is_spelt_and_stamped_as_such(
    server: RunningServer, llm_service: LLMService
) -> None:
    answer = llm_service.get_llm("summary").invoke("hello", model="comet-9")

    assert server.received[0].json["model"] == "nova/comet-9"
    assert answer.response_metadata["pointsman"]["model"] == "comet-9"


class Unstreaming(BaseChatModel):
    """A client of a protocol that can't stream."""

    @property
    def _llm_type(self) -> str:
        return "unstreaming"

    def _generate(self, messages: list[BaseMessage], *_: object, **__: object) -> ChatResult:
        usage = UsageMetadata(input_tokens=1, output_tokens=2, total_tokens=3)
        message = AIMessage("all at once", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=message)])


class UnstreamingClients:
    """A client cache of such clients."""

    def get(self, spec: ClientSpec) -> Unstreaming:
        return Unstreaming()


async def test_a_protocol_that_can_not_stream_gives_its_answer_as_one_chunk() -> None:
    llm = service(client_cache=UnstreamingClients()).get_llm("guard")

    for chunks in (list(llm.stream("hello")), [chunk async for chunk in llm.astream("hello")]):
        assert "".join(chunk.text for chunk in chunks) == "all at once"
        assert [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata] == [3]
