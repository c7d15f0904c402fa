"""A script for LangChain's suites: the model that thinks behind the local servers, without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.standard.thinking import Asked, Tool, think

if TYPE_CHECKING:
    from app.testing.scripted.script import Answer, Call

PIECES = frozenset({"text", "image", "image_url", "document", "input_audio", "file", "audio", "tool_result"})


def thought(call: Call) -> Answer:
    """Return what the thinking model says."""
    asked = Asked(
        model=call.arguments["model"],
        prompt=prompt_of(call),
        tools=tuple(tool_of(tool) for tool in call.tools),
        choice=call.tool_choice,
        answered=call.messages[-1].type == "tool",
        schema=call.schema,
        json_object=call.arguments.get("json_mode", False),
        stop=call.stop,
        most_tokens=call.arguments.get("max_tokens"),
    )
    reply = think(asked)
    if reply.call is None:
        return reply.text
    from langchain_core.messages import AIMessage

    return AIMessage(
        "",
        tool_calls=[
            {"name": reply.call.name, "args": reply.call.arguments, "id": f"call_{len(call.messages)}"}
        ],
    )


def prompt_of(call: Call) -> str:
    """Return what the user said last."""
    return next(message.text for message in reversed(call.messages) if message.type == "human")


def tool_of(tool: Any) -> Tool:  # noqa: ANN401 - a tool in OpenAI's form
    """Return an offered tool."""
    return Tool(
        tool["function"]["name"], tool["function"].get("parameters") or {"type": "object", "properties": {}}
    )
