"""The chunks of a hop's own model; one that can't stream gives its whole answer as the only chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from app.llm.failures import NothingInAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult


class WholeAnswer(ChatGenerationChunk):
    """A chunk that is the whole answer: it was read to its end, so it needs no finish reason."""


def chunks_of(
    inner: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None, arguments: dict[str, Any]
) -> Generator[ChatGenerationChunk]:
    """Yield the chunks of an answer; raise NothingInAnswer if there are none.

    Closing this closes the model's own stream.
    """
    if type(inner)._stream is BaseChatModel._stream:  # noqa: SLF001 - how LangChain itself asks
        yield _whole(inner._generate(messages, stop, **arguments))  # noqa: SLF001 - as above
    else:
        heard = False
        for chunk in inner._stream(messages, stop, **arguments):  # noqa: SLF001 - as above
            heard = True
            yield chunk
        if not heard:
            raise NothingInAnswer("the stream ended before it began")


async def achunks_of(
    inner: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None, arguments: dict[str, Any]
) -> AsyncGenerator[ChatGenerationChunk]:
    """Yield the chunks of an answer; raise NothingInAnswer if there are none.

    Closing this closes the model's own stream.
    """
    ours, base = type(inner), BaseChatModel
    if ours._stream is base._stream and ours._astream is base._astream:  # noqa: SLF001 - as above
        yield _whole(await inner._agenerate(messages, stop, **arguments))  # noqa: SLF001 - as above
        return
    stream: Any = inner._astream(messages, stop, **arguments)  # noqa: SLF001 - as above
    heard = False
    try:
        async for chunk in stream:
            heard = True
            yield chunk
    finally:
        await stream.aclose()
    if not heard:
        raise NothingInAnswer("the stream ended before it began")


def _whole(result: ChatResult) -> WholeAnswer:
    if not result.generations:
        raise NothingInAnswer("the answer holds no message")
    message = result.generations[0].message
    fields = message.model_dump(exclude={"type"})
    return WholeAnswer(
        message=AIMessageChunk(**fields), generation_info=result.generations[0].generation_info
    )
