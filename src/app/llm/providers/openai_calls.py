"""What one call wishes, in the words of OpenAI's chat completions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.providers.calls import (
    TOLD,
    TOOL_OF_ANTHROPIC,
    AnswerFormat,
    CallRenderer,
    StructuredUse,
    told_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec
    from app.llm.providers.calls import ToolUse

OWN: Final = frozenset(
    {
        "audio",
        "extra_body",
        "extra_headers",
        "extra_query",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "modalities",
        "moderation",
        "n",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "safety_identifier",
        "store",
        "stream_options",
        "stream_usage",
        "top_logprobs",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""What OpenAI's requests may hold beyond typed options. What else a server takes goes into `extra_body`."""

CALL_NAMES: Final[Mapping[str, str]] = {"stop": "stop_sequences"}
"""Typed options that a single call spells in another way."""


class OpenAICalls(CallRenderer):
    """How a ChatOpenAI is told what one call wishes."""

    own = OWN

    def option(self, name: str, value: OptionValue) -> dict[str, Any]:
        return super().option(CALL_NAMES.get(name, name), value)

    def answer_format(self, spec: ClientSpec, wished: AnswerFormat) -> dict[str, Any]:
        if wished.kind != "json_schema" or spec.structured_method in {None, "json_schema"}:
            return {"response_format": wished.given}
        # A provider whose row names another method knows no schemas: it has JSON, and is told the schema.
        return {"response_format": {"type": "json_object"}, TOLD: told_of(wished)}

    def tool_use(self, spec: ClientSpec, use: ToolUse, options: Mapping[str, OptionValue]) -> dict[str, Any]:
        if not isinstance(use.choice, tuple) or len(use.choice) == 1:
            return super().tool_use(spec, use, options)
        tools = [{"type": "function", "function": {"name": name}} for name in use.choice]
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}
        said = {"tool_choice": allowed, "strict": use.strict, "parallel_tool_calls": use.parallel}
        return {name: value for name, value in said.items() if value is not None}

    def knows(self, tool: Mapping[str, Any]) -> bool:
        from langchain_core.utils.function_calling import convert_to_openai_tool

        if TOOL_OF_ANTHROPIC.fullmatch(str(tool.get("type"))):
            return False
        try:
            return bool(convert_to_openai_tool(dict(tool)))
        except (ValueError, TypeError):
            return False

    def structured(
        self, spec: ClientSpec, use: StructuredUse, options: Mapping[str, OptionValue]
    ) -> StructuredUse:
        """Return the method: where a row names one, there are no schemas; without tools, no call of any."""
        del options
        usual = super().structured(spec, StructuredUse(), {}).method or "json_schema"
        method = use.method or usual
        if method == "json_mode" and use.strict:
            method = "json_schema"
        if method == "json_schema":
            method = usual
        elif method == "function_calling" and "tools" not in spec.supports:
            method = usual if usual != "function_calling" else "json_schema"
        return StructuredUse(method, None if method == "json_mode" else use.strict)
