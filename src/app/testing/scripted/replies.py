"""From a scripted answer to LangChain's messages: whole, and in chunks as providers stream them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.messages import BaseMessage, ToolCall
    from langchain_core.messages.ai import UsageMetadata

    from app.testing.scripted.script import Call


def message_of(answer: Any, call: Call, model: str, most_tokens: int | None) -> AIMessage:  # noqa: ANN401 - any answer
    """Return the whole message that says a scripted answer to a call, with usage and why it ended.

    Values become the arguments of the tool that has to be called, else JSON. A token is a word.
    """
    if isinstance(answer, AIMessage):
        message, ending = answer.model_copy(deep=True), "tool_calls" if answer.tool_calls else "stop"
    elif isinstance(answer, str):
        text, ending = shortened(answer, call.stop, most_tokens)
        message = AIMessage(text)
    else:
        message, ending = _valued(answer, call)
    if message.usage_metadata is None:
        message.usage_metadata = usage_of(call.messages, message)
    message.response_metadata = {"model_name": model, "finish_reason": ending, **message.response_metadata}
    return message


def _valued(answer: BaseModel | Mapping[str, Any], call: Call) -> tuple[AIMessage, str]:
    values = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else dict(answer)
    tool = call.forced_tool
    if tool is None:
        return AIMessage(json.dumps(values, ensure_ascii=False)), "stop"
    called: ToolCall = {"name": tool, "args": values, "id": f"call_{len(call.messages)}", "type": "tool_call"}
    return AIMessage("", tool_calls=[called]), "tool_calls"


def shortened(text: str, stop: Sequence[str], most_tokens: int | None) -> tuple[str, str]:
    """Return the text up to the first stop sequence or the limit of words, and the finish reason."""
    for sequence in stop:
        text = text.partition(sequence)[0]
    pieces = pieces_of(text)
    if most_tokens is not None and len(pieces) > most_tokens:
        return "".join(pieces[:most_tokens]), "length"
    return text, "stop"


def usage_of(messages: Sequence[BaseMessage], answer: AIMessage) -> UsageMetadata:
    """Return the words that were read and written."""
    read = sum(len(pieces_of(message.text)) for message in messages)
    calls = "".join(json.dumps(call["args"]) for call in answer.tool_calls)
    written = len(pieces_of(answer.text)) + len(pieces_of(calls))
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def pieces_of(text: str) -> list[str]:
    """Return a text in pieces, each a word with the blanks behind it."""
    return re.findall(r"\S+\s*|\s+", text)


def chunks_of(message: AIMessage) -> Iterator[AIMessageChunk]:
    """Yield a message as a stream: its text by words, its calls by parts, and at last usage and ending."""
    if isinstance(message.content, str):
        yield from (AIMessageChunk(content=piece) for piece in pieces_of(message.content))
    else:
        yield AIMessageChunk(content=message.content)
    for index, call in enumerate(message.tool_calls):
        yield AIMessageChunk(
            content="",
            tool_call_chunks=[tool_call_chunk(name=call["name"], args="", id=call["id"], index=index)],
        )
        for piece in pieces_of(json.dumps(call["args"], ensure_ascii=False)):
            yield AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(args=piece, index=index)])
    yield AIMessageChunk(
        content="",
        usage_metadata=message.usage_metadata,
        response_metadata=message.response_metadata,
        additional_kwargs=message.additional_kwargs,
        chunk_position="last",
    )
