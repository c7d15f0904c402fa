"""What one call wishes, in the words of Gemini's generateContent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.llm.providers.calls import AnswerFormat, CallRenderer, Method, StructuredUse, ToolUse, unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec

OWN: Final = frozenset(
    {
        "audio_timestamp",
        "audio_transcription_config",
        "automatic_function_calling",
        "cached_content",
        "candidate_count",
        "enable_enhanced_civic_answers",
        "frequency_penalty",
        "functions",
        "generation_config",
        "http_options",
        "image_config",
        "include_thoughts",
        "labels",
        "logprobs",
        "media_resolution",
        "model_armor_config",
        "model_selection_config",
        "presence_penalty",
        "response_json_schema",
        "response_logprobs",
        "response_mime_type",
        "response_modalities",
        "response_schema",
        "routing_config",
        "safety_settings",
        "speech_config",
        "thinking_config",
        "tool_config",
        "top_k",
    }
)
"""What a request to Gemini may hold beyond typed options, as ChatGoogleGenerativeAI calls it."""

CALL_NAMES: Final[Mapping[str, str]] = {
    "stop": "stop_sequences",
    "max_tokens": "max_output_tokens",
}
"""Typed options that a single call spells in another way."""
OTHER_THINKING: Final[Mapping[str, str]] = {
    "thinking_budget": "thinking_level",
    "thinking_level": "thinking_budget",
}
"""Models count their thinking in one way or the other: what a call says takes the place of both."""
NEAREST: Final[Mapping[Method, Method]] = {"json_mode": "json_schema"}
"""A method of structured output that isn't there -> the one that comes nearest."""
OWN_TOOLS: Final = frozenset(
    {
        "code_execution",
        "computer_use",
        "enterprise_web_search",
        "file_search",
        "function_declarations",
        "google_maps",
        "google_search",
        "google_search_retrieval",
        "mcp_servers",
        "parallel_ai_search",
        "retrieval",
        "url_context",
    }
)
"""The keys under which Gemini's own tools are described."""


class GeminiCalls(CallRenderer):
    """How a ChatGoogleGenerativeAI is told what one call wishes."""

    own = OWN
    idle = frozenset({"stream_usage"})

    def option(self, name: str, value: OptionValue) -> dict[str, Any]:
        said = super().option(CALL_NAMES.get(name, name), value)
        return {**said, OTHER_THINKING[name]: None} if name in OTHER_THINKING else said

    def answer_format(self, spec: ClientSpec, wished: AnswerFormat) -> dict[str, Any]:
        if wished.kind == "other":
            raise unfit(spec, "response_format", "Gemini answers in JSON, freely or by a schema, or in text")
        said: dict[str, Any] = {"response_mime_type": "application/json"}
        return said if wished.schema is None else {**said, "response_json_schema": wished.schema}

    def tool_use(self, spec: ClientSpec, use: ToolUse, options: Mapping[str, OptionValue]) -> dict[str, Any]:
        """Return the arguments: calls that are forced are strict anyway, others in a mode of their own."""
        del options
        if use.parallel is False:
            raise unfit(spec, "parallel_tool_calls", "Gemini can't be held to one call in an answer")
        if isinstance(use.choice, dict):
            raise unfit(spec, "tool_choice", "Gemini knows no such choice")
        if use.strict and use.choice in {None, "auto"}:
            return {"tool_config": {"function_calling_config": {"mode": "VALIDATED"}}}
        choice = list(use.choice) if isinstance(use.choice, tuple) else use.choice
        return {} if choice is None else {"tool_choice": choice}

    def knows(self, tool: Mapping[str, Any]) -> bool:
        return not OWN_TOOLS.isdisjoint(tool)

    def structured(
        self, spec: ClientSpec, use: StructuredUse, options: Mapping[str, OptionValue]
    ) -> StructuredUse:
        """Return the method. Both are strict: there is nothing more to say."""
        method = super().structured(spec, use, options).method or "json_schema"
        return StructuredUse(NEAREST.get(method, method))
