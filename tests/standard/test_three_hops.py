"""LangChain's standard suites on plans whose first two hops fail; each protocol serves once, as the third."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from langchain_core.messages.ai import add_ai_message_chunks

from tests.servers.running import running
from tests.standard.failing import failed, refused
from tests.standard.handed_out import MODEL, FailingHop
from tests.standard.suites import Adapter, Place, UnitSuite
from tests.standard.test_anthropic import Anthropic
from tests.standard.test_anthropic import TestAnthropicIntegration as AnthropicIntegration
from tests.standard.test_gemini import Gemini
from tests.standard.test_gemini import TestGeminiIntegration as GeminiIntegration
from tests.standard.test_openai_compatible import (
    OpenAICompatible,
)
from tests.standard.test_openai_compatible import (
    TestOpenAICompatibleIntegration as OpenAICompatibleIntegration,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from tests.servers.running import RunningServer

AT = {"openai_compatible": "/v1", "gemini": "", "anthropic": ""}
"""Each protocol, and what the base URL of a provider that speaks it ends with."""


@pytest.fixture(scope="module")
def failing() -> Iterator[RunningServer]:
    with running(failed) as server:
        yield server


class ThirdHop(Adapter):
    """A plan whose first two hops speak the other two protocols, and fail."""

    @pytest.fixture
    def before(self, failing: RunningServer) -> tuple[FailingHop, ...]:
        failing.received.clear()
        others = [protocol for protocol in AT if protocol != self.protocol]
        return tuple(
            FailingHop(protocol, f"failing_{number}", failing.origin + AT[protocol])
            for number, protocol in enumerate(others, 1)
        )

    @property
    def supports_model_override(self) -> bool:
        """Whether the answer comes from the model that a call names: that one is for the first hop (R4)."""
        return False


class ThirdHopIntegration(ThirdHop):
    """What LangChain's suite doesn't ask: whether the first two hops failed, and the record says so."""

    async def test_the_third_hop_serves_in_every_way_of_asking(self, model: BaseChatModel) -> None:
        check(model.invoke("Hello"))
        check(await model.ainvoke("Hello"))
        check(add_ai_message_chunks(*model.stream("Hello")))
        check(add_ai_message_chunks(*[chunk async for chunk in model.astream("Hello")]))
        check(*model.batch(["Hello", "Good morning"]))
        check(*(await model.abatch(["Hello", "Good morning"])))

    async def test_the_third_hop_serves_wishes_in_its_own_way(
        self, model: BaseChatModel, failing: RunningServer
    ) -> None:
        chain = model.with_structured_output(Place, include_raw=True)
        answer: Any = await chain.ainvoke("There are 3 houses in 'Überlingen'.")
        check(answer["raw"])
        assert answer["parsed"] == Place(town="Überlingen", houses=3)
        called = model.bind_tools([Place], tool_choice="Place").invoke("There are 3 houses in 'Ulm'.")
        check(called)
        assert called.tool_calls[0]["args"] == {"town": "Ulm", "houses": 3}
        targets = {one.target.partition("?")[0] for one in failing.received}
        assert len(targets) == 2, "each of the first two was asked in its own protocol"

    def test_R4_a_model_that_a_call_names_is_for_the_first_hop(
        self, model: BaseChatModel, failing: RunningServer
    ) -> None:
        answer = model.invoke("Hello", model="the-caller-s-own")
        check(answer)
        assert answer.response_metadata["pointsman"]["model"] == MODEL
        first, second = (self.asked_of(failing, number) for number in (0, 1))
        assert first
        assert all("the-caller-s-own" in one for one in first)
        assert second
        assert not any("the-caller-s-own" in one for one in second)

    def asked_of(self, failing: RunningServer, number: int) -> list[str]:
        """Return the requests that the hop of this index got, with where they went."""
        protocols = [protocol for protocol in AT if protocol != self.protocol]
        marks = {
            "openai_compatible": "/chat/completions",
            "gemini": "enerateContent",
            "anthropic": "/messages",
        }
        mark = marks[protocols[number]]
        return [one.target + one.body.decode() for one in failing.received if mark in one.target]


def check(*answers: BaseMessage) -> None:
    """The third hop gave these, after an attempt at least at each of the other two."""
    for answer in answers:
        stamp = answer.response_metadata["pointsman"]
        assert stamp["hop"] == 3
        assert [one["hop"] for one in stamp["attempts"] if one["outcome"] == "answered"] == [3]
        failures = [one for one in stamp["attempts"] if one["outcome"] == "failed"]
        assert {one["hop"] for one in failures} == {1, 2}
        assert stamp["degraded_because"] == failures[0]["class"]


class TestOpenAICompatibleLastUnit(ThirdHop, OpenAICompatible, UnitSuite):
    pass


class TestOpenAICompatibleLastIntegration(ThirdHopIntegration, OpenAICompatibleIntegration):
    pass


class TestGeminiLastUnit(ThirdHop, Gemini, UnitSuite):
    pass


class TestGeminiLastIntegration(ThirdHopIntegration, GeminiIntegration):
    pass


class TestAnthropicLastUnit(ThirdHop, Anthropic, UnitSuite):
    pass


class TestAnthropicLastIntegration(ThirdHopIntegration, AnthropicIntegration):
    pass


class TestAnthropicLastWithCircuits(ThirdHop, AnthropicIntegration):
    """Once the circuits of the first two hops are open, they are passed over."""

    circuit: ClassVar[Any] = {"failures": 1, "window_s": 60.0, "open_s": 60.0}

    @pytest.fixture
    def failing(self) -> Iterator[RunningServer]:
        with running(lambda _: refused(503)) as server:
            yield server

    def test_hops_whose_circuits_are_open_are_passed_over(
        self, model: BaseChatModel, failing: RunningServer
    ) -> None:
        model.invoke("Hello")
        failing.received.clear()
        stamp = model.invoke("Hello").response_metadata["pointsman"]
        assert failing.received == []
        assert [(one["hop"], one["outcome"]) for one in stamp["attempts"]] == [(3, "answered")]
        assert [(one["hop"], one["reason"]) for one in stamp["passed_over"]] == [
            (1, "circuit_open"),
            (2, "circuit_open"),
        ]
        assert stamp["degraded_because"] == "circuit_open"
