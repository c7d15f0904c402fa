"""How an adapter of another package, without words of its own for single calls, is told what they wish."""

from __future__ import annotations

import pytest

from app.errors import UnfitArgument
from app.llm.providers.calls import PLAIN, AnswerFormat, StructuredUse, ToolUse, renderer_of
from tests.llm.providers.adapters import adapters, spec_for
from tests.testing.plain import PlainAdapter

SPEC = spec_for(PlainAdapter(), "http://127.0.0.1:9")


def test_an_adapter_without_a_renderer_has_langchains_common_words() -> None:
    assert renderer_of(None) is renderer_of(PlainAdapter()) is PLAIN
    assert all(renderer_of(adapter) is not PLAIN for adapter in adapters())


def test_options_and_forms_are_said_as_they_are() -> None:
    wished = {"type": "json_object"}
    assert PLAIN.option("stop", ("END",)) == {"stop": ["END"]}
    assert PLAIN.option("temperature", 0.2) == {"temperature": 0.2}
    assert PLAIN.answer_format(SPEC, AnswerFormat("json_object", wished)) == {"response_format": wished}
    assert PLAIN.knows({"type": "anything"})
    assert PLAIN.structured(SPEC, StructuredUse(strict=True), {}) == StructuredUse(None, strict=True)


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (ToolUse(), {}),
        (ToolUse("any"), {"tool_choice": "any"}),
        (ToolUse(("file_it",), strict=True), {"tool_choice": "file_it", "strict": True}),
        (ToolUse("auto", parallel=False), {"tool_choice": "auto", "parallel_tool_calls": False}),
    ],
)
def test_the_use_of_tools_is_said_in_arguments_of_bind_tools(use: ToolUse, said: dict[str, object]) -> None:
    assert PLAIN.tool_use(SPEC, use, {}) == said


def test_R2_a_choice_between_some_tools_has_no_common_word() -> None:
    with pytest.raises(UnfitArgument, match="some of the tools"):
        PLAIN.tool_use(SPEC, ToolUse(("one", "two")), {})
