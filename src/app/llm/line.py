"""The line from a handed-out model to the parts that serve it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.errors import ForeignScope
from app.llm.byok.scope import current_scope
from app.llm.running.call import Call
from app.llm.running.terms import terms_of
from app.llm.wishes import StructuredWish, check, parser_of, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.runnables import Runnable

    from app.llm.byok.scope import RequestScope
    from app.llm.clients.cache import ClientCache
    from app.llm.clients.transport import Transport
    from app.llm.planning import Plan
    from app.llm.providers.registry import ProviderRegistry
    from app.llm.running.attempt import Attempt
    from app.llm.running.runner import Runner


def merged(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a caller's arguments with ours: tables in both (headers, say) are joined, and ours go first."""
    joined = {
        name: merged(given[name], value)
        for name, value in own.items()
        if isinstance(value, dict) and isinstance(given.get(name), dict)
    }
    return {**given, **own, **joined}


class Line:
    """What a handed-out model needs to run its plan: the plan, the scope, and the container's parts."""

    __slots__ = ("_cache", "_registry", "_runner", "_transport", "plan", "scope")

    def __init__(
        self,
        plan: Plan,
        registry: ProviderRegistry,
        cache: ClientCache,
        transport: Transport,
        runner: Runner,
    ) -> None:
        self.plan = plan
        self.scope: RequestScope | None = None
        self._registry, self._cache, self._transport, self._runner = registry, cache, transport, runner

    def for_scope(self, scope: RequestScope | None) -> Line:
        """Return the same line for another request."""
        line = Line(self.plan, self._registry, self._cache, self._transport, self._runner)
        line.scope = scope
        return line

    def begin(
        self, arguments: dict[str, Any], stop: list[str] | None = None, *, streaming: bool = False
    ) -> tuple[Call, dict[str, Any]]:
        """Return a new call, and those of its arguments that are for its providers.

        :raises ForeignScope: it is made inside another user's request.
        :raises InvalidBudget: one of its limits makes no sense.
        :raises UnfitArgument: a hop of the plan can't honour one of its arguments.
        """
        ambient, own = current_scope(), self.scope
        if ambient is not None and own is not None and not own.anonymous and ambient != own:
            raise ForeignScope(self.plan.feature.name)
        wish = arguments.get("structured_output") if arguments else None
        keeps_raw = isinstance(wish, StructuredWish) and wish.include_raw
        terms, rest = terms_of(self.plan, arguments, streaming=streaming, keeps_raw=keeps_raw)
        if rest or stop:
            asked = rest if stop is None else {**rest, "stop": stop}
            check(self.plan, asked, self._registry.adapter)
        return Call(self.plan, self._runner, terms, None if own is None else own.user_id), rest

    @contextmanager
    def opened(
        self, attempt: Attempt, arguments: dict[str, Any], cache_key: str | None
    ) -> Iterator[tuple[BaseChatModel, dict[str, Any]]]:
        """Yield the client of the attempt's hop and its arguments, under a ticket for its credential."""
        hop = attempt.hop
        patience = attempt.patience()
        inner = self._cache.get(hop.spec)
        adapter = self._registry.adapter(hop.spec.protocol)
        grant = self._registry.grant(hop.spec, hop.credential, self.scope)
        key = cache_key if "prompt_cache_key" in hop.spec.supports else None
        with attempt.under(self._transport.ticket(grant, patience)) as ticket:
            own = adapter.request_arguments(ticket, cache_key=key, timeout_s=attempt.time_left())
            attempt.at_hand = True
            if not arguments:
                yield inner, own
                return
            rendered = render(inner, hop, arguments, adapter)
            attempt.parser = parser_of(arguments, hop)
            yield inner, merged(rendered, own)

    def parser(self, wish: StructuredWish, answer: AIMessage) -> Runnable[Any, Any]:
        """Return what parses this answer to a wish: the parser of the hop that gave it."""
        stamp = answer.response_metadata.get("pointsman", {})
        hop = self.plan.hops[stamp.get("hop", 1) - 1]
        # The answer of a call that was under way when the cache was closed is still parsed.
        return wish.parser(hop) or wish.rendered(self._cache.get(hop.spec), hop)[1]

    def about(self) -> dict[str, str]:
        """Return what any tracer may show of this plan: its feature, and its first hop."""
        hop = self.plan.first
        return {
            "feature": self.plan.feature.name,
            "profile": self.plan.profile,
            "provider": hop.route.provider,
            "model": hop.route.model,
            "payer": hop.payer,
        }

    def __deepcopy__(self, memo: object) -> Line:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a line to a provider can't leave its process")
