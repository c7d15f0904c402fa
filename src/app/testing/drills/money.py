"""What an answer cost, by the tokens that its provider counted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from app.llm.planning import Hop

Money = int | Literal["unknown", "not_reported"]
"""Micro-USD (millionths of a dollar), or why nobody knows."""
MICRO: Final = Decimal(1_000_000)


def cost_of(message: AIMessage, hop: Hop) -> Money:
    """Return the price of an answer of a hop's model, in micro-USD.

    "unknown": nobody knows the price of this model there; "not_reported": the provider counted no tokens.
    """
    if message.usage_metadata is None:
        return "not_reported"
    if hop.provider.row.base_url is None:
        return "unknown"
    from genai_prices import Usage, calc_price

    counted: Any = message.usage_metadata
    read = counted.get("input_token_details") or {}
    usage = Usage(
        input_tokens=counted["input_tokens"],
        output_tokens=counted["output_tokens"],
        cache_read_tokens=read.get("cache_read", 0),
        cache_write_tokens=read.get("cache_creation", 0),
    )
    try:
        price = calc_price(usage, hop.spec.model, provider_api_url=hop.provider.row.base_url)
    except (LookupError, ValueError):  # an unknown model or provider; more tokens cached than there were
        return "unknown"
    return round(price.total_price * MICRO)
