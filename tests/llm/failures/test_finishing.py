"""How an answer ended, which endings say that it is none, and what of a stream is content."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from app.errors import FailureClass
from app.llm.failures.finishing import FINISHES, failure_of_finish, finish_of, is_content


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("stop", None),
        ("STOP", None),
        ("length", None),
        ("MAX_TOKENS", None),
        ("tool_calls", None),
        ("end_turn", None),
        ("pause_turn", None),
        ("a word of next year", None),
        (None, None),
        ("content_filter", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("refusal", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "malformed_response"),
        ("OTHER", "malformed_response"),
        ("error", "overloaded"),
        ("insufficient_system_resource", "overloaded"),
        ("MISSING_THOUGHT_SIGNATURE", "invalid_request"),
    ],
)
def test_some_endings_say_that_there_is_no_answer(word: str | None, expected: FailureClass | None) -> None:
    assert failure_of_finish(word) == expected


def test_every_ending_that_is_known_has_a_class_that_there_is() -> None:
    assert set(FINISHES.values()) <= set(get_args(FailureClass))
    assert all(word == word.lower() for word in FINISHES)


def test_the_word_is_found_in_the_message_or_beside_it() -> None:
    inside = AIMessage("x", response_metadata={"stop_reason": "end_turn"})
    plain = AIMessage("x", response_metadata={"model_provider": "acme"})

    assert finish_of(inside, None, {"finish_reason": "stop"}) == "end_turn"
    assert finish_of(plain, None, {"stop_reason": "tool_use"}) == "tool_use"
    assert finish_of(plain, {"finish_reason": ""}, {"finish_reason": None}) is None
    assert finish_of(plain) is None


CONTENT: list[dict[str, Any]] = [
    {"content": "Hel"},
    {"content": " "},
    {"content": ["Hel"]},
    {"content": [{"type": "text", "text": "Hel", "index": 0}]},
    {"content": [{"text": "Hel"}]},
    {"content": [{"type": "text", "citations": [{"title": "a page"}], "index": 0}]},
    {"content": [{"type": "thinking", "thinking": "Hm", "index": 0}]},
    {"content": [{"type": "reasoning", "reasoning": "Hm"}]},
    {"content": [{"type": "image_url", "image_url": {"url": "data:..."}}]},
    {"content": [{"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}]},
    {"content": "", "tool_call_chunks": [{"name": "file_it", "args": "", "id": "t1", "index": 0}]},
    {"content": "", "additional_kwargs": {"reasoning_content": "Hm"}},
    {"content": "", "additional_kwargs": {"audio": b"RIFF"}},
]
NO_CONTENT: list[dict[str, Any]] = [
    {"content": ""},
    {"content": []},
    {"content": [""]},
    {"content": "", "response_metadata": {"model_name": "served"}},
    {"content": "", "usage_metadata": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}},
    {"content": "", "additional_kwargs": {"refusal": None, "reasoning_content": ""}},
    {"content": [{"type": "text", "text": "", "index": 0}]},
    {"content": [{"type": "thinking", "thinking": "", "signature": "c2ln", "index": 0}]},
    {"content": [{"type": "redacted_thinking", "data": "b3BhcXVl", "index": 0}]},
    {"content": [{"type": "input_json_delta", "partial_json": "", "index": 1}]},
]


@pytest.mark.parametrize("fields", CONTENT, ids=str)
def test_R13_text_reasoning_calls_and_pictures_are_content(fields: dict[str, Any]) -> None:
    assert is_content(AIMessageChunk(**fields))


@pytest.mark.parametrize("fields", NO_CONTENT, ids=str)
def test_R13_roles_usage_signatures_and_empty_texts_are_none(fields: dict[str, Any]) -> None:
    assert not is_content(AIMessageChunk(**fields))


def test_the_call_of_a_tool_is_content_in_a_whole_message_too() -> None:
    assert is_content(AIMessage("", tool_calls=[{"name": "file_it", "args": {}, "id": "t1"}]))
