from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openai import BadRequestError

from app.llm.local import MODEL_NAME

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"folder_id": {"type": "string", "enum": ["f1", "f2"]}, "reasoning": {"type": "string"}},
    "required": ["folder_id", "reasoning"],
    "additionalProperties": False,
}


def ask(client: OpenAI, text: str = "Name an animal.", **options: Any) -> ChatCompletion:
    reply: ChatCompletion = client.chat.completions.create(
        model=MODEL_NAME, messages=[{"role": "user", "content": text}], **options
    )
    return reply


def test_an_answer_keeps_to_its_schema(client: OpenAI) -> None:
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": ANSWER_SCHEMA},
    }
    reply = ask(client, "Choose f1 or f2.", max_tokens=200, temperature=0, response_format=wanted)
    answer = json.loads(reply.choices[0].message.content or "")
    assert set(answer) == {"folder_id", "reasoning"}
    assert answer["folder_id"] in {"f1", "f2"}


def test_a_stream_ends_with_its_usage(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL_NAME,
            messages=[{"role": "user", "content": "Hello"}],
            max_tokens=4,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0


def test_thousands_of_log_probabilities_can_be_asked_for(client: OpenAI) -> None:
    reply = ask(client, max_tokens=1, temperature=0, logprobs=True, top_logprobs=4000)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    listed = [entry.logprob for entry in logprobs.content[0].top_logprobs]
    assert len(listed) == 4000
    assert listed == sorted(listed, reverse=True)


def test_a_prompt_beyond_the_context_is_refused_and_not_cut(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="exceeds the available context size"):
        ask(client, "hello world " * 600, max_tokens=1)


def test_the_same_seed_gives_the_same_answer(client: OpenAI) -> None:
    said = {ask(client, seed=7, temperature=1, max_tokens=6).choices[0].message.content for _ in range(2)}
    assert len(said) == 1


def test_it_answers_as_the_model_that_the_catalog_names(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL_NAME]
    assert ask(client, max_tokens=1).model == MODEL_NAME
