"""What an answer cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from langchain_core.messages import AIMessage

from app.testing.drills.money import cost_of
from tests.testing.drills.subjects import group_of

if TYPE_CHECKING:
    from langchain_core.messages.ai import UsageMetadata

    from app.llm.planning import Hop

USAGE: UsageMetadata = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}


def hop(base_url: str | None, model: str) -> Hop:
    known = group_of("summary").plan.first
    row = known.provider.row.model_copy(update={"base_url": base_url})
    provider = replace(known.provider, row=row)
    return replace(known, provider=provider, spec=replace(known.spec, model=model))


OPENAI = hop("https://api.openai.com/v1", "gpt-4.1-mini")


def test_a_known_model_has_a_price_in_millionths_of_a_dollar() -> None:
    whole = cost_of(AIMessage("", usage_metadata=USAGE), OPENAI)
    cached: UsageMetadata = {**USAGE, "input_token_details": {"cache_read": 900}}
    less = cost_of(AIMessage("", usage_metadata=cached), OPENAI)
    assert isinstance(whole, int)
    assert isinstance(less, int)
    assert 0 < less < whole


@pytest.mark.parametrize(
    "stranger",
    [
        hop("https://api.openai.com/v1", "swift"),
        hop("https://acme.example/api", "gpt-4.1-mini"),
        hop(None, "gpt-4.1-mini"),
    ],
)
def test_nobody_knows_the_price_of_a_stranger(stranger: Hop) -> None:
    assert cost_of(AIMessage("", usage_metadata=USAGE), stranger) == "unknown"


def test_counts_that_make_no_sense_have_no_price() -> None:
    more: UsageMetadata = {**USAGE, "input_token_details": {"cache_read": 2000}}
    assert cost_of(AIMessage("", usage_metadata=more), OPENAI) == "unknown"


def test_what_nobody_counted_is_not_reported() -> None:
    assert cost_of(AIMessage(""), OPENAI) == "not_reported"
