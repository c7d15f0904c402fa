"""The model behind the local server: deterministic, able to do what a good model does, and quick."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tests.standard.filling import filled

if TYPE_CHECKING:
    from tests.standard.filling import Schema

Ending = Literal["end", "stop", "length", "call"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers."""

    name: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, in no protocol's own words.

    `prompt` is what the user said last; `answered` says that the last turn brings a tool's result;
    `choice` is "auto", "none", "any", or the name of the tool that has to be called.
    """

    model: str
    prompt: str
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    answered: bool = False
    schema: Schema | None = None
    json_object: bool = False
    stop: tuple[str, ...] = ()
    most_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The call of a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: pieces of text, or a call, with why it ended and how much it was."""

    pieces: tuple[str, ...]
    call: Call | None
    ending: Ending
    input_tokens: int
    stopped_by: str | None = None

    cached_tokens: int = 1
    """How many of the tokens that were read came from the provider's cache."""
    thought_tokens: int = 1
    """How many were written before the answer, unseen."""

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)

    @property
    def output_tokens(self) -> int:
        """How many tokens were written: one a word."""
        return len(self.pieces)


def think(asked: Asked) -> Reply:
    """Return the answer to a request: the same one for the same request."""
    read = len(words(asked.prompt))
    tool = chosen_tool(asked)
    if tool is not None:
        arguments = filled(tool.schema, asked.prompt)
        return Reply(words(json.dumps(arguments)), Call(tool.name, arguments), "call", read)
    text, stopped_by = before_stop(said(asked), asked.stop)
    pieces = words(text)
    if asked.most_tokens is not None and len(pieces) > asked.most_tokens:
        return Reply(pieces[: asked.most_tokens], None, "length", read)
    return Reply(pieces, None, "stop" if stopped_by else "end", read, stopped_by)


def chosen_tool(asked: Asked) -> Tool | None:
    """Return the tool to call: the demanded one, else the one whose name the prompt speaks of."""
    if asked.choice == "none" or not asked.tools:
        return None
    named = next((tool for tool in asked.tools if tool.name == asked.choice), None)
    if named is not None:
        return named
    fitting = [tool for tool in asked.tools if speaks_of(asked.prompt, tool.name)]
    if asked.choice == "any":
        return (fitting or list(asked.tools))[0]
    return fitting[0] if fitting and not asked.answered else None


def speaks_of(prompt: str, name: str) -> bool:
    """Whether a longer word of a tool's name occurs in the prompt."""
    longer = [word for word in name.lower().split("_") if len(word) > len("tool")]
    return any(word in prompt.lower() for word in longer)


def said(asked: Asked) -> str:
    """Return the model's text, before anything cuts it short."""
    if asked.schema is not None:
        return json.dumps(filled(asked.schema, asked.prompt), ensure_ascii=False)
    if asked.json_object:
        return json.dumps(dict.fromkeys(re.findall(r"'(\w+)'", asked.prompt), asked.prompt))
    return f"Hello, how are you today? I have read: {asked.prompt}"


def before_stop(text: str, stop: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the text up to the first stop sequence, and that sequence."""
    found = [(text.index(sequence), sequence) for sequence in stop if sequence in text]
    if not found:
        return text, None
    position, sequence = min(found)
    return text[:position], sequence


def words(text: str) -> tuple[str, ...]:
    """Return the text in pieces, each a word with the blanks behind it."""
    return tuple(re.findall(r"\s*\S+\s*?(?=\S|$)|\s+", text))
