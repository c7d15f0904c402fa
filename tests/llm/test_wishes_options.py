"""What one call says about itself reaches every hop of its plan, in that hop's own words, or is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import ConfigurationError, UnfitArgument
from app.llm.providers.anthropic_calls import OWN as ANTHROPIC
from app.llm.providers.calls import renderer_of
from app.llm.providers.gemini_calls import OWN as GEMINI
from app.llm.providers.openai_calls import OWN as OPENAI
from app.llm.providers.openai_compatible import OpenAICompatibleAdapter
from app.llm.providers.registry import installed_adapters
from app.llm.wishes import check, render
from tests.llm.wished import PROTOCOLS, asked_of_all, bodies, protocol_of, saying, wished_at
from tests.servers.fixtures import server, transport
from tests.servers.models import any_model
from tests.servers.running import running

if TYPE_CHECKING:
    from app.llm.clients.transport import Transport
    from tests.servers.running import RunningServer
    from tests.servers.wire import Answer, Received

__all__ = ["server", "transport"]


def hello(received: Received) -> Answer:
    return saying(protocol_of(received), "Hello")


SHARED: dict[str, tuple[Any, tuple[str, Any], tuple[str, Any], tuple[str, Any]]] = {
    "temperature": (0.2, ("temperature", 0.2), ("temperature", 0.2), ("temperature", 0.2)),
    "top_p": (0.5, ("top_p", 0.5), ("topP", 0.5), ("top_p", 0.5)),
    "max_tokens": (50, ("max_tokens", 50), ("maxOutputTokens", 50), ("max_tokens", 50)),
    "max_output_tokens": (50, ("max_tokens", 50), ("maxOutputTokens", 50), ("max_tokens", 50)),
    "max_completion_tokens": (50, ("max_tokens", 50), ("maxOutputTokens", 50), ("max_tokens", 50)),
    "stop": (["END"], ("stop", ["END"]), ("stopSequences", ["END"]), ("stop_sequences", ["END"])),
    "stop_sequences": (["END"], ("stop", ["END"]), ("stopSequences", ["END"]), ("stop_sequences", ["END"])),
}


@pytest.mark.parametrize("name", SHARED)
def test_an_option_of_a_call_is_said_by_each_hop_in_its_own_words(name: str) -> None:
    value, openai, gemini, anthropic = SHARED[name]
    with asked_of_all(hello) as (model, server):
        assert model.bind(**{name: value}).invoke("hello").text == "Hello"
        sent = bodies(server)
    assert sent["openai_compatible"][openai[0]] == openai[1]
    assert sent["gemini"]["generationConfig"][gemini[0]] == gemini[1]
    assert sent["anthropic"][anthropic[0]] == anthropic[1]


async def test_options_are_the_same_in_every_way_of_asking() -> None:
    with running(any_model) as server, wished_at(server) as service:
        for protocol in PROTOCOLS:
            model = service.get_llm(protocol)
            model.invoke("hello", temperature=0.2, max_tokens=50)
            await model.ainvoke("hello", temperature=0.2, max_tokens=50)
            list(model.stream("hello", temperature=0.2, max_tokens=50))
            [chunk async for chunk in model.astream("hello", temperature=0.2, max_tokens=50)]
            sent = [one.json.get("generationConfig", one.json) for one in server.received]
            assert [one["temperature"] for one in sent] == [0.2] * 4
            assert [one.get("max_tokens", one.get("maxOutputTokens")) for one in sent] == [50] * 4
            server.received.clear()


OF_ONE: dict[str, tuple[str, Any, tuple[str, ...], Any]] = {
    "seed": ("openai_compatible", 7, ("seed",), 7),
    "reasoning_effort": ("openai_compatible", "low", ("reasoning_effort",), "low"),
    "service_tier": ("openai_compatible", "flex", ("service_tier",), "flex"),
    "prompt_cache_retention": ("openai_compatible", "24h", ("prompt_cache_retention",), "24h"),
    "frequency_penalty": ("openai_compatible", 0.5, ("frequency_penalty",), 0.5),
    "thinking_budget": ("gemini", 0, ("generationConfig", "thinkingConfig", "thinking_budget"), 0),
    "thinking_level": ("gemini", "low", ("generationConfig", "thinkingConfig", "thinking_level"), "LOW"),
    "top_k": ("gemini", 3, ("generationConfig", "topK"), 3.0),
    "effort": ("anthropic", "low", ("output_config", "effort"), "low"),
    "cache_control": ("anthropic", {"type": "ephemeral"}, ("cache_control", "type"), "ephemeral"),
}


@pytest.mark.parametrize("name", OF_ONE)
def test_an_argument_that_a_protocol_knows_reaches_its_provider(name: str) -> None:
    protocol, value, path, expected = OF_ONE[name]
    with running(any_model) as server, wished_at(server) as service:
        service.get_llm(protocol).invoke("hello", **{name: value})
        found: Any = server.received[0].json
    for key in path:
        found = found[key]
    assert found == expected


@pytest.mark.parametrize("name", sorted(OF_ONE))
def test_R2_an_argument_that_a_later_hop_cant_honour_is_an_error_before_anybody_is_asked(name: str) -> None:
    value = OF_ONE[name][1]
    with asked_of_all(hello) as (model, server):
        with pytest.raises(UnfitArgument, match=f"{name}|reasoning_effort") as caught:
            model.invoke("hello", **{name: value})
        assert server.received == []
    assert caught.value.provider in PROTOCOLS
    assert caught.value.provider != OF_ONE[name][0] or name == "effort"
    assert isinstance(caught.value, ConfigurationError)


async def test_R2_streams_and_event_loops_are_told_too() -> None:
    with asked_of_all(hello) as (model, server):
        with pytest.raises(UnfitArgument):
            await model.ainvoke("hello", seed=7)
        with pytest.raises(UnfitArgument):
            list(model.stream("hello", seed=7))
        with pytest.raises(UnfitArgument):
            [chunk async for chunk in model.astream("hello", seed=7)]
        assert server.received == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"temperature": 3.0}, "temperature"),
        ({"temperature": "warm"}, "valid number"),
        ({"temperature": object()}, "valid number"),
        ({"max_tokens": 0}, "greater than 0"),
        ({"timeout": 5}, "give it a deadline_s"),
        ({"temprature": 0.2}, "did you mean 'temperature'"),
        ({"max_tokens": 50, "max_output_tokens": 60}, "it says 'max_tokens' a second time"),
    ],
    ids=str,
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_R2_what_makes_no_sense_is_an_error_of_ours(
    protocol: str, arguments: dict[str, Any], says: str
) -> None:
    with running(any_model) as server, wished_at(server) as service:
        with pytest.raises(UnfitArgument, match=says):
            service.get_llm(protocol).invoke("hello", **arguments)
        assert server.received == []


def test_R2_an_option_that_the_catalog_refuses_is_refused_in_a_call_too() -> None:
    rows = {"gemini": {"cannot": ["temperature"]}}
    with asked_of_all(hello, rows) as (model, server):
        with pytest.raises(UnfitArgument, match=r"'temperature'.*'gemini-model'.*the catalog says"):
            model.invoke("hello", temperature=0.2)
        assert server.received == []


def test_R2_a_value_that_a_protocol_doesnt_know_is_refused() -> None:
    with running(any_model) as server, wished_at(server) as service:
        with pytest.raises(UnfitArgument, match=r"'reasoning_effort'.*knows only 'high', 'low', 'medium'"):
            service.get_llm("anthropic").invoke("hello", reasoning_effort="none")
        assert server.received == []


def test_R2_an_argument_of_one_protocol_is_sent_to_no_other(server: RunningServer) -> None:
    adapters = installed_adapters()
    with wished_at(server) as service:
        plan = service.plan("mixed")
        for name in OPENAI | GEMINI | ANTHROPIC:
            known = {one for one in PROTOCOLS if name in (renderer_of(adapters[one]).own or ())}
            known |= {one for one in PROTOCOLS if name in renderer_of(adapters[one]).idle}
            if known == set(PROTOCOLS):
                check(plan, {name: 1}, adapters.get)
                continue
            with pytest.raises(UnfitArgument) as caught:
                check(plan, {name: 1}, adapters.get)
            assert caught.value.provider not in known


def test_a_hop_is_rendered_without_its_adapter_too(server: RunningServer, transport: Transport) -> None:
    with wished_at(server) as service:
        hop = service.plan("openai_compatible").first
    inner = OpenAICompatibleAdapter().build(hop.spec, hop.spec.base_url, transport)
    assert render(inner, hop, {"temperature": 0.2, "mood": "fine"}) == {"temperature": 0.2, "mood": "fine"}


def test_R4_a_model_that_a_call_names_is_for_the_first_hop() -> None:
    rows = {"openai_compatible": {"vendors": [{"match": ["swift*"], "prefix": "acme/"}]}}
    with asked_of_all(hello, rows) as (model, server):
        model.invoke("hello", model="swift-9")
        sent = bodies(server)
        asked = next(one.target for one in server.received if protocol_of(one) == "gemini")
    assert sent["openai_compatible"]["model"] == "acme/swift-9"
    assert sent["anthropic"]["model"] == "anthropic-model"
    assert "gemini-model:" in asked


def test_what_is_none_is_not_wished(server: RunningServer) -> None:
    with wished_at(server) as service:
        for protocol in PROTOCOLS:
            service.get_llm(protocol).invoke(
                "hello", temperature=None, tool_choice=None, response_format=None
            )
    assert all("temperature" not in str(one.json) for one in server.received)


def test_asking_for_usage_changes_nothing_where_it_is_said_anyway(server: RunningServer) -> None:
    with wished_at(server) as service:
        for protocol in PROTOCOLS:
            model = service.get_llm(protocol)
            assert model.invoke("hello", stream_usage=True).usage_metadata
            assert any(chunk.usage_metadata for chunk in model.stream("hello", stream_usage=True))
