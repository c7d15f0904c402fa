"""What one call wishes for itself beyond its messages, and how a wire protocol says it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from app.errors import UnfitArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec
    from app.llm.providers.protocol import ProtocolAdapter

Method = Literal["function_calling", "json_schema", "json_mode"]
"""How structured output is asked for: the call of a tool, an answer of a schema, an answer that is JSON."""
METHODS: Final[tuple[Method, ...]] = ("function_calling", "json_schema", "json_mode")

TOLD: Final = "pointsman_told"
"""The argument that tells one of our models something more, behind what the caller's system message says."""

TOOL_OF_ANTHROPIC: Final = re.compile(r"\w+_\d{8}|mcp_toolset")
"""How the types of Anthropic's own tools are called: they are dated. LangChain takes some for OpenAI's."""


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The form that an answer's text has to have. `given` is the wish as it was written, or as OpenAI has it.

    `schema`: a JSON schema. None with `kind` "json_object" (any JSON object) and "other" (a form that only
    one protocol knows).
    """

    kind: Literal["json_object", "json_schema", "other"]
    given: Any
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """How the tools of a call are to be used. None: nothing was said.

    `choice`: "auto", "none", "any", (the name of the one tool that has to be called,), the names of those
    from which one has to be, or a table that only the protocol that it comes from understands. `strict`: the
    arguments have to be of their schema. `parallel`: there may be several calls in one answer.
    """

    choice: Literal["auto", "none", "any"] | tuple[str, ...] | Mapping[str, Any] | None = None
    strict: bool | None = None
    parallel: bool | None = None

    @property
    def forced(self) -> bool:
        """Whether a tool has to be called."""
        return self.choice == "any" or isinstance(self.choice, tuple)


@dataclass(frozen=True, slots=True)
class StructuredUse:
    """How an answer of a schema is wished for: by which method (None: the usual one), and how strictly."""

    method: Method | None = None
    strict: bool | None = None


class CallRenderer:
    """How the LangChain model of a protocol is told what one call wishes for itself.

    This one says everything by the names that LangChain's models share, and as it is given: what an adapter
    without a renderer of its own gets. Ours know better: what their protocol can't carry is an UnfitArgument.
    `options` are the typed options of the hop, with those of the call laid over them.
    """

    own: frozenset[str] | None = None
    """The arguments beyond all typed ones that its model takes as they are; None: any."""
    idle: frozenset[str] = frozenset()
    """Arguments that mean nothing here, and change nothing where they are left out."""

    def option(self, name: str, value: OptionValue) -> dict[str, Any]:
        """Return the arguments of one call that say a typed option."""
        return {name: list(value) if isinstance(value, tuple) else value}

    def answer_format(self, spec: ClientSpec, wished: AnswerFormat) -> dict[str, Any]:
        """Return the arguments of one call that say the form of its answer's text."""
        del spec
        return {"response_format": wished.given}

    def tool_use(self, spec: ClientSpec, use: ToolUse, options: Mapping[str, OptionValue]) -> dict[str, Any]:
        """Return the arguments of its model's `bind_tools` beside the tools."""
        del options
        if isinstance(use.choice, tuple) and len(use.choice) > 1:
            raise unfit(spec, "tool_choice", "it can't be told to choose from some of the tools")
        choice = use.choice[0] if isinstance(use.choice, tuple) else use.choice
        said = {"tool_choice": choice, "strict": use.strict, "parallel_tool_calls": use.parallel}
        return {name: value for name, value in said.items() if value is not None}

    def knows(self, tool: Mapping[str, Any]) -> bool:
        """Whether the provider has a tool of its own that is described so."""
        del tool
        return True

    def structured(
        self, spec: ClientSpec, use: StructuredUse, options: Mapping[str, OptionValue]
    ) -> StructuredUse:
        """Return how structured output is asked for here: what comes nearest to what was wished."""
        del options
        return StructuredUse(use.method or _method_of(spec), use.strict)


PLAIN: Final = CallRenderer()


def renderer_of(adapter: ProtocolAdapter | None) -> CallRenderer:
    """Return how an adapter's models are told what a call wishes."""
    found = getattr(adapter, "calls", PLAIN)
    return found if isinstance(found, CallRenderer) else PLAIN


def unfit(spec: ClientSpec, argument: str, reason: str) -> UnfitArgument:
    """Return the error about an argument that can't be honoured by a hop with this spec."""
    return UnfitArgument(argument, spec.provider, spec.model, reason)


def told_of(wished: AnswerFormat) -> str:
    """Return what a model is told where its provider has no such mode. What it answers is checked."""
    name = "json_object.md" if wished.schema is None else "json_schema.md"
    text = files(__package__).joinpath(name).read_text(encoding="utf-8").strip()
    schema = "" if wished.schema is None else json.dumps(wished.schema, ensure_ascii=False)
    return text.replace("{schema}", schema)


def _method_of(spec: ClientSpec) -> Method | None:
    return next((method for method in METHODS if method == spec.structured_method), None)
