"""What a call wishes for, by what it means and not by who calls it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from app.llm.catalog.options import OPTION_NAMES, Options
from app.llm.providers.calls import ToolUse, unfit
from app.llm.wishes.formats import format_of
from app.llm.wishes.structured import TRACING_ONLY, StructuredWish
from app.llm.wishes.tools import USE, BoundTools, use_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec
    from app.llm.providers.calls import AnswerFormat

SYNONYMS: Final[Mapping[str, str]] = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
    "timeout": "timeout_s",
    "effort": "reasoning_effort",
}
"""What single providers call a typed option -> its name here, which holds for all of them."""
WISHES: Final = frozenset({"tools", "structured_output", "response_format", "model", *USE, *TRACING_ONLY})
"""Arguments that are no options: they are rendered by what they mean."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a call wishes for, in words that no provider owns; `own` are those that one does."""

    options: dict[str, OptionValue]
    own: dict[str, Any]
    tools: BoundTools | None
    use: ToolUse
    answer: AnswerFormat | None
    structured: StructuredWish | None
    model: str | None


def gathered(spec: ClientSpec, arguments: Mapping[str, Any]) -> Gathered:
    """Return a call's wishes by what they mean.

    :raises UnfitArgument: one makes no sense anywhere.
    """
    bound, wish = arguments.get("tools"), arguments.get("structured_output")
    structured = wish if isinstance(wish, StructuredWish) else None
    tools = BoundTools.of(bound or (structured.tools if structured else None))
    beside = [structured.others if structured else {}, bound.options if isinstance(bound, BoundTools) else {}]
    named = _by_our_names(spec, {**beside[0], **beside[1], **arguments})
    use = use_of(spec, named, tools.names if tools else ())
    return Gathered(
        options=_options(spec, {name: named[name] for name in named.keys() & OPTION_NAMES}),
        own={name: value for name, value in named.items() if name not in OPTION_NAMES | WISHES},
        tools=tools,
        use=use,
        answer=format_of(spec, named.get("response_format"), strict=use.strict),
        structured=structured,
        model=named.get("model"),
    )


def _by_our_names(spec: ClientSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given under the names that hold for all providers; None is nothing."""
    named: dict[str, Any] = {}
    for name, value in given.items():
        ours = SYNONYMS.get(name, name)
        if ours in named:
            raise unfit(spec, name, f"it says {ours!r} a second time")
        if value is not None:
            named[ours] = value
    return named


def _options(spec: ClientSpec, given: dict[str, Any]) -> dict[str, OptionValue]:
    if not given:
        return {}
    if "timeout_s" in given:
        raise unfit(spec, "timeout_s", "how long a call may take is its plan's to say: give it a deadline_s")
    if "stop" in given:
        stop = given["stop"]
        given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    try:
        return Options.model_validate(given).given()
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise unfit(spec, str(wrong["loc"][0]), wrong["msg"]) from None
