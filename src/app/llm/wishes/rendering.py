"""A call's wishes in the words of one hop's provider; what it can't honour is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import nearest
from app.llm.catalog.options import OPTION_NAMES
from app.llm.providers.calls import renderer_of, unfit
from app.llm.wishes.formats import format_of
from app.llm.wishes.gathering import gathered
from app.llm.wishes.reading import check_of
from app.llm.wishes.structured import StructuredWish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.clients.spec import ClientSpec
    from app.llm.planning import Hop, Plan
    from app.llm.providers.calls import CallRenderer
    from app.llm.providers.protocol import ProtocolAdapter
    from app.llm.wishes.gathering import Gathered
    from app.llm.wishes.tools import BoundTools


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
    wishes = gathered(plan.first.spec, arguments)
    for hop in plan.hops:
        adapter = adapter_of(hop.spec.protocol)
        renderer = renderer_of(adapter)
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
    """Return tools as the hop's model takes them. LangChain needs a while for that: it is remembered."""
    key = spec, repr(use)
    if key not in tools.rendered:
        _check_tools(spec, tools, renderer)
        tools.rendered[key] = _bind(inner, spec, tools, use)
    return tools.rendered[key]


def _bind(inner: BaseChatModel, spec: ClientSpec, tools: BoundTools, use: dict[str, Any]) -> dict[str, Any]:
    try:
        bound: Any = inner.bind_tools(tools.given, **use)
    except (ValueError, TypeError, KeyError) as error:
        raise unfit(spec, "tools", f"they can't be rendered ({error})") from None
    rendered = dict(bound.kwargs)
    if len(rendered.get("tools", ())) < len(tools):
        raise unfit(spec, "tools", "its model takes some of them only")
    return rendered
