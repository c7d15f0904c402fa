"""The tables of what a single call may say know every argument that the SDKs know."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import anthropic
import openai
import pytest
from google.genai.types import GenerateContentConfig

from app.llm.catalog.options import OPTION_NAMES
from app.llm.providers.anthropic_calls import OWN as ANTHROPIC
from app.llm.providers.gemini_calls import OWN as GEMINI
from app.llm.providers.openai_calls import OWN as OPENAI
from app.llm.wishes.gathering import SYNONYMS, WISHES
from tests.llm.providers.adapters import adapters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.providers.protocol import ProtocolAdapter

OURS = OPTION_NAMES | SYNONYMS.keys() | WISHES
OF_THE_CALL = frozenset({"self", "messages", "stream"})
"""What is said by calling at all."""
OF_LANGCHAIN = frozenset({"metadata"})
"""What LangChain takes for its own traces: no model sees it."""
OPENAI_PARAMETERS = inspect.signature(openai.resources.chat.completions.Completions.create).parameters
ANTHROPIC_PARAMETERS = inspect.signature(anthropic.resources.beta.messages.Messages.create).parameters
GEMINI_ELSEWHERE = frozenset(
    {
        "automatic_continuation",
        "continuation_token",
        "generation_output_config",
        "should_return_http_response",
        "store",
        "system_instruction",
    }
)
"""Of Gemini's configuration, what LangChain's model has no place for, or writes itself."""


@pytest.mark.parametrize(
    ("table", "known", "elsewhere"),
    [
        (OPENAI, OPENAI_PARAMETERS, OF_THE_CALL),
        (ANTHROPIC, ANTHROPIC_PARAMETERS, OF_THE_CALL | {"output_format"}),
        (GEMINI, GenerateContentConfig.model_fields, GEMINI_ELSEWHERE),
    ],
    ids=["openai", "anthropic", "gemini"],
)
def test_what_an_sdk_takes_is_an_option_a_wish_or_an_argument_of_its_own(
    table: frozenset[str], known: Mapping[str, object], elsewhere: frozenset[str]
) -> None:
    missing = known.keys() - table - OURS - elsewhere - OF_LANGCHAIN
    assert not missing


def test_no_argument_is_both_an_option_and_somebodys_own() -> None:
    assert not (OPENAI | ANTHROPIC | GEMINI) & OURS


@pytest.mark.parametrize("adapter", adapters(), ids=lambda adapter: adapter.name)
def test_every_option_that_is_honoured_can_be_said_by_a_call(adapter: ProtocolAdapter) -> None:
    for name in adapter.honours.keys() - {"timeout_s"}:
        assert adapter.calls.option(name, 1)  # type: ignore[attr-defined]  # a member that ours have
