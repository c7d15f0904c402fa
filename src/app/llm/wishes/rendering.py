"""A call's wishes in the words of one hop's provider; what it can't honour is an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from app.errors import nearest
from app.llm.catalog.options import OPTION_NAMES, Options
from app.llm.providers.calls import ToolUse, renderer_of, unfit
from app.llm.wishes.formats import format_of
from app.llm.wishes.reading import check_of
from app.llm.wishes.structured import TRACING_ONLY, StructuredWish
from app.llm.wishes.tools import USE, BoundTools, use_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.catalog.options import OptionValue
    from app.llm.clients.spec import ClientSpec
    from app.llm.planning import Hop, Plan
    from app.llm.providers.calls import AnswerFormat, CallRenderer
    from app.llm.providers.protocol import ProtocolAdapter

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


def render(
    inner: BaseChatModel, hop: Hop, arguments: dict[str, Any], adapter: ProtocolAdapter | None = None
) -> dict[str, Any]:
    """Return a call's arguments as the hop's own model takes them, with each wish rendered from the original.

    A model that the caller names is for the first hop only (R4). `stop` is what LangChain's models take as
    their second positional argument.

    :raises UnfitArgument: the hop can't honour one of them (R2).
    """
    wishes, renderer = gathered(hop.spec, arguments), renderer_of(adapter)
    rendered = _rendered(hop, wishes, renderer, adapter)
    options = {**dict(hop.spec.options), **wishes.options}
    if wishes.tools is not None:
        use = renderer.tool_use(hop.spec, wishes.use, options)
        rendered |= _bound(inner, hop.spec, wishes.tools, use, renderer)
    if wishes.structured is not None:
        among_tools = wishes.tools is not None
        structured = wishes.structured.rendered(inner, hop, renderer, options, among_tools=among_tools)
        rendered |= structured[0]
    return rendered


def check(plan: Plan, arguments: dict[str, Any], adapter_of: Callable[[str], ProtocolAdapter | None]) -> None:
    """Look whether every hop of a plan can honour a call's arguments, without building a client.

    :raises UnfitArgument: one can't. It would be found out on the day on which that hop is needed.
    """
    for hop in plan.hops:
        adapter = adapter_of(hop.spec.protocol)
        wishes, renderer = gathered(hop.spec, arguments), renderer_of(adapter)
        _rendered(hop, wishes, renderer, adapter)
        if wishes.tools is not None:
            renderer.tool_use(hop.spec, wishes.use, {**dict(hop.spec.options), **wishes.options})
            _check_tools(hop.spec, wishes.tools, renderer)


def parser_of(arguments: Mapping[str, Any], hop: Hop) -> Runnable[Any, Any] | None:
    """Return what raises if a hop's answer isn't what was wished for; None: there is nothing to look at.

    An answer that may be the call of a tool instead is not looked at.
    """
    wish, bound = arguments.get("structured_output"), arguments.get("tools")
    if bound:
        return None
    if isinstance(wish, StructuredWish):
        return None if wish.tools else wish.parser(hop)
    given = arguments.get("response_format")
    wished = format_of(hop.spec, given)
    return None if wished is None or wished.kind == "other" else check_of(given)


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
    if "stop" in given:
        stop = given["stop"]
        given["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    try:
        return Options.model_validate(given).given()
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise unfit(spec, str(wrong["loc"][0]), wrong["msg"]) from None


def _rendered(
    hop: Hop, wishes: Gathered, renderer: CallRenderer, adapter: ProtocolAdapter | None
) -> dict[str, Any]:
    """Return everything that no client is needed for."""
    spec, rendered = hop.spec, dict[str, Any]()
    if wishes.model is not None and hop.number == 1:
        rendered["model"] = hop.provider.wire_name(wishes.model)
    if wishes.options:
        _check_options(hop, wishes, adapter)
    for name, value in wishes.options.items():
        rendered |= renderer.option(name, value)
    for name, value in wishes.own.items():
        if renderer.own is None or name in renderer.own:
            rendered[name] = value
        elif name not in renderer.idle:
            raise unfit(spec, name, _unknown(name, spec, renderer))
    if wishes.answer is not None:
        rendered |= renderer.answer_format(spec, wishes.answer)
    return rendered


def _check_options(hop: Hop, wishes: Gathered, adapter: ProtocolAdapter | None) -> None:
    own_model = wishes.model if hop.number == 1 else None
    refused = hop.provider.cannot(own_model or hop.route.model)
    for name, value in wishes.options.items():
        if name in refused:
            raise unfit(hop.spec, name, "the catalog says that it refuses this option")
        if adapter is None:
            continue
        known = adapter.honours.get(name, frozenset())
        if known is not None and value not in known:
            said = f"knows only {', '.join(sorted(map(repr, known)))}" if known else "has no such option"
            raise unfit(hop.spec, name, f"protocol {adapter.name!r} {said}")


def _unknown(name: str, spec: ClientSpec, renderer: CallRenderer) -> str:
    known = [*OPTION_NAMES, *(renderer.own or ())]
    return f"protocol {spec.protocol!r} has no argument of this name{nearest(name, known)}"


def _check_tools(spec: ClientSpec, tools: BoundTools, renderer: CallRenderer) -> None:
    if "tools" not in spec.supports:
        raise unfit(spec, "tools", "the catalog doesn't say that it can call tools")
    for tool in tools.foreign:
        if not isinstance(tool, dict) or not renderer.knows(tool):
            raise unfit(
                spec, "tools", f"one of them is no function, and no tool of protocol {spec.protocol!r}"
            )


def _bound(
    inner: BaseChatModel, spec: ClientSpec, tools: BoundTools, use: dict[str, Any], renderer: CallRenderer
) -> dict[str, Any]:
    _check_tools(spec, tools, renderer)
    try:
        bound: Any = inner.bind_tools(tools.given, **use)
    except (ValueError, TypeError, KeyError) as error:
        raise unfit(spec, "tools", f"they can't be rendered ({error})") from None
    rendered = dict(bound.kwargs)
    if len(rendered.get("tools", ())) < len(tools):
        raise unfit(spec, "tools", "its model takes some of them only")
    return rendered
