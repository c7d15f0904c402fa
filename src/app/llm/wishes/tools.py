"""Tools as a caller gave them, and how they are to be used, whoever's words said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from langchain_core.utils.function_calling import convert_to_openai_tool

from app.llm.providers.calls import ToolUse, unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.llm.clients.spec import ClientSpec

USE: Final = ("tool_choice", "strict", "parallel_tool_calls")
"""The arguments that say how tools are to be used."""
ANY: Final = ("any", "required", True)
FUNCTIONS: Final = ("function", "object", "custom")
"""The types of tables that describe a function: in OpenAI's words, as a JSON schema, in Anthropic's words."""
WORDS: Final = ("auto", "none")


class BoundTools(list[Any]):
    """Tools as a caller gave them. The list shows them in OpenAI's form, which tracers and agents read."""

    def __init__(self, given: Sequence[Any], options: dict[str, Any]) -> None:
        super().__init__(_shown(tool) for tool in given)
        self.given = tuple(given)
        self.options = options
        self.rendered: dict[tuple[ClientSpec, str], dict[str, Any]] = {}
        """What became of them at each hop, by its client's spec and how they are to be used."""

    @classmethod
    def of(cls, tools: object) -> BoundTools | None:
        """Return the tools of a call: bound ones, or a plain list of them. None: there are none."""
        if isinstance(tools, BoundTools):
            return tools or None
        return cls(list(tools), {}) if isinstance(tools, list | tuple) and tools else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that are functions."""
        return tuple(tool["function"]["name"] for tool in self if _is_function(tool))

    @property
    def foreign(self) -> list[Any]:
        """Those that are no functions but tools of some provider's own."""
        return [tool for tool in self if not _is_function(tool)]


def use_of(spec: ClientSpec, given: Mapping[str, Any], names: Sequence[str]) -> ToolUse:
    """Return how tools with these names are to be used, from a call's arguments.

    :raises UnfitArgument: the choice is none of these names, or nothing that anybody understands.
    """
    if given.keys().isdisjoint(USE):
        return ToolUse()
    choice, parallel = given.get("tool_choice"), given.get("parallel_tool_calls")
    if isinstance(choice, Mapping):
        choice, alone = _of_table(choice)
        parallel = False if alone else parallel
    if isinstance(choice, Mapping) or choice in WORDS:
        return ToolUse(choice, given.get("strict"), parallel)
    return ToolUse(_named(spec, choice, names), given.get("strict"), parallel)


def _named(spec: ClientSpec, choice: object, names: Sequence[str]) -> Any:  # noqa: ANN401 - a choice
    if not choice:
        return None
    if choice in ANY:
        return "any"
    chosen = (
        (choice,) if isinstance(choice, str) else tuple(choice) if isinstance(choice, list | tuple) else ()
    )
    unknown = [name for name in chosen if name not in names]
    if not chosen or unknown:
        raise unfit(
            spec, "tool_choice", f"{choice!r} is none of the tools: {', '.join(names) or 'there are none'}"
        )
    return chosen


def _of_table(choice: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return what a table of OpenAI's, Anthropic's or Gemini's says, and if it wants one call only."""
    kind, function, config = choice.get("type"), choice.get("function"), choice.get("function_calling_config")
    alone = bool(choice.get("disable_parallel_tool_use"))
    if kind == "function" and isinstance(function, Mapping):
        return function.get("name"), alone
    if kind == "tool":
        return choice.get("name"), alone
    if kind in {*WORDS, "any"}:
        return kind, alone
    if isinstance(config, Mapping):
        mode = str(config.get("mode", "auto")).lower()
        return config.get("allowed_function_names") or mode, alone
    return choice, alone


def _is_function(tool: object) -> bool:
    return isinstance(tool, Mapping) and tool.get("type") == "function" and "function" in tool


def _shown(tool: Any) -> Any:  # noqa: ANN401 - any tool LangChain knows
    """Return the tool in OpenAI's form; a provider's own kind of tool is shown as it is."""
    if isinstance(tool, Mapping) and tool.get("type", "function") not in FUNCTIONS:
        return tool
    try:
        return convert_to_openai_tool(tool)
    except (ValueError, TypeError):
        return tool
