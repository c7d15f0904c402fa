"""Typed options of a route: what a feature may wish from a model, in one provider-neutral vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

OptionValue = str | int | float | bool | tuple[str, ...]
Honoured = Mapping[str, frozenset[OptionValue] | None]
"""The options that a wire protocol can carry, each with the values that it knows (None: all of them)."""

Seconds = Annotated[float, Field(gt=0, le=3600)]
Tokens = Annotated[int, Field(gt=0)]


class Options(BaseModel):
    """Wishes for one call. None isn't sent; what a provider can't honour is an error at load."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Tokens | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None
    timeout_s: Seconds | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    thinking_budget: Annotated[int, Field(ge=-1)] | None = None
    thinking_level: Literal["minimal", "low", "medium", "high"] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    service_tier: Literal["auto", "default", "flex", "priority"] | None = None

    def given(self) -> dict[str, OptionValue]:
        """Return the options that were given, by name."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


OPTION_NAMES = frozenset(Options.model_fields)
"""Every option there is; a test holds that each is honoured by at least one adapter."""
