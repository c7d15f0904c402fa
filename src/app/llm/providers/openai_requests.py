"""Parts of a request in OpenAI's protocol that its SDK would write otherwise. It imports the SDK."""

from __future__ import annotations

import re
from itertools import takewhile
from mimetypes import guess_extension
from typing import TYPE_CHECKING, Any, Final

import openai

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

INSTRUCTING: Final = frozenset({"system", "developer"})
"""The roles of messages that say what a model has to do."""
NOT_IN_A_NAME: Final = re.compile(r"[^\w-]", re.ASCII)
"""What the name of a schema may not hold: that of a generic class has brackets."""


def as_data(wished: type | dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a response format as JSON: a pydantic class becomes its schema, as strict as OpenAI wants it."""
    if not isinstance(wished, type):
        return wished
    function = openai.pydantic_function_tool(wished)["function"]
    name = NOT_IN_A_NAME.sub("_", wished.__name__)
    described = {"name": name, "schema": function["parameters"], "strict": True}
    return {"type": "json_schema", "json_schema": described}


def with_told(messages: list[dict[str, Any]], told: str) -> list[dict[str, Any]]:
    """Return the messages with something more for the model, behind what the system messages say."""
    behind = len(list(takewhile(lambda one: one["role"] in INSTRUCTING, messages)))
    role = messages[0]["role"] if behind else "system"
    return [*messages[:behind], {"role": role, "content": told}, *messages[behind:]]


def with_file_names(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return messages whose files have names. OpenAI wants one, the other protocols know none."""
    return [
        one.model_copy(update={"content": [_named(block) for block in one.content]})
        if isinstance(one.content, list) and any(map(_is_nameless, one.content))
        else one
        for one in messages
    ]


def _named(block: Any) -> Any:  # noqa: ANN401 - any block LangChain knows
    if not _is_nameless(block):
        return block
    return {**block, "filename": f"file{guess_extension(block.get('mime_type') or '') or ''}"}


def _is_nameless(block: object) -> bool:
    if not isinstance(block, dict) or block.get("type") != "file":
        return False
    holders = (block, block.get("extras"), block.get("metadata"))
    named = any(isinstance(one, dict) and one.get("filename") for one in holders)
    return not named and ("base64" in block or block.get("source_type") == "base64")
