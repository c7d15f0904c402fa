"""What one call wishes, in the words of Anthropic's messages."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from app.llm.providers.calls import (
    TOLD,
    TOOL_OF_ANTHROPIC,
    AnswerFormat,
    CallRenderer,
    Method,
    StructuredUse,
    ToolUse,
    told_of,
    unfit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec

OWN: Final = frozenset(
    {
        "betas",
        "billing_policy",
        "cache_control",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "output_config",
        "speed",
        "system",
        "thinking",
        "thread",
        "top_k",
        "user_profile_id",
        "workspace_id",
    }
)
"""What a request of Anthropic's may hold beyond typed options."""

CALL_NAMES: Final[Mapping[str, str]] = {
    "stop": "stop_sequences",
    "thinking_budget": "thinking",
}
"""Typed options that a single call spells in another way."""
NEAREST: Final[Mapping[Method, Method]] = {"json_mode": "json_schema"}
"""A method of structured output that isn't there -> the one that comes nearest."""
WHERE_NONE_IS_FORCED: Final[Mapping[Method, Method]] = {**NEAREST, "function_calling": "json_schema"}
"""The same where a model can't be made to call a tool: while it thinks, and some models never."""
NEVER_FORCED: Final = ("claude-fable-5-1*", "claude-opus-5-5*", "claude-sonnet-5-5*")
"""Models that choose for themselves whether they call a tool."""


def thinking(budget: int) -> dict[str, Any]:
    """Return Anthropic's way to say a thinking budget in tokens: 0 is off, -1 leaves it to the model."""
    if budget == 0:
        return {"type": "disabled"}
    return {"type": "adaptive"} if budget < 0 else {"type": "enabled", "budget_tokens": budget}


class AnthropicCalls(CallRenderer):
    """How a ChatAnthropic is told what one call wishes."""

    own = OWN
    idle = frozenset({"stream_usage"})

    def option(self, name: str, value: OptionValue) -> dict[str, Any]:
        if name == "thinking_budget" and isinstance(value, int):
            return {CALL_NAMES[name]: thinking(value)}
        return super().option(CALL_NAMES.get(name, name), value)

    def answer_format(self, spec: ClientSpec, wished: AnswerFormat) -> dict[str, Any]:
        """Return the arguments. There is no mode for any JSON: the model is told, and the answer checked."""
        if wished.kind == "other":
            raise unfit(spec, "response_format", "Anthropic answers by a JSON schema, or in text")
        if wished.schema is None:
            return {TOLD: told_of(wished)}
        return {"response_format": {"type": "json_schema", "json_schema": {"schema": wished.schema}}}

    def tool_use(self, spec: ClientSpec, use: ToolUse, options: Mapping[str, OptionValue]) -> dict[str, Any]:
        if use.forced and _is_free(spec, options):
            raise unfit(
                spec,
                "tool_choice",
                "it can't be made to call a tool, or not while it thinks",
            )
        if isinstance(use.choice, dict):
            raise unfit(spec, "tool_choice", "Anthropic knows no such choice")
        said = super().tool_use(spec, use, options)
        return {**said, "tool_choice": {"type": "none"}} if use.choice == "none" else said

    def knows(self, tool: Mapping[str, Any]) -> bool:
        return TOOL_OF_ANTHROPIC.fullmatch(str(tool.get("type"))) is not None

    def structured(
        self, spec: ClientSpec, use: StructuredUse, options: Mapping[str, OptionValue]
    ) -> StructuredUse:
        """Return the method: a schema that is kept to by force is one that is kept to strictly."""
        method = super().structured(spec, use, options).method or "function_calling"
        free = use.strict or _is_free(spec, options) or _is_free(spec, dict(spec.options))
        return StructuredUse((WHERE_NONE_IS_FORCED if free else NEAREST).get(method, method))


def _is_free(spec: ClientSpec, options: Mapping[str, OptionValue]) -> bool:
    """Whether the model can't be made to call a tool."""
    budget = options.get("thinking_budget")
    thinks = options.get("reasoning_effort") is not None if budget is None else budget != 0
    return thinks or any(fnmatchcase(spec.model, pattern) for pattern in NEVER_FORCED)
