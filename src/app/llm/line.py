"""The line from a handed-out model to the parts that serve it."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from app.errors import ForeignScope
from app.llm.attempts import Attempts
from app.llm.byok.health.conditions import KeyFailure
from app.llm.byok.health.feeding import feed
from app.llm.byok.scope import current_scope
from app.llm.failures import classify
from app.llm.wishes import StructuredWish, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from app.llm.byok.health.conditions import KeyHealth
    from app.llm.byok.scope import RequestScope
    from app.llm.clients.cache import ClientCache
    from app.llm.clients.spec import Credential, Grant
    from app.llm.clients.transport import Transport
    from app.llm.planning import Plan
    from app.llm.providers.registry import ProviderRegistry


def merged(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a caller's arguments with ours: tables in both (headers, say) are joined, and ours go first."""
    joined = {
        name: merged(given[name], value)
        for name, value in own.items()
        if isinstance(value, dict) and isinstance(given.get(name), dict)
    }
    return {**given, **own, **joined}


def _failure(error: Exception, credential: Credential) -> KeyFailure:
    return KeyFailure.of(classify(error, secret=credential.reveal()))


class Line:
    """What a handed-out model needs to run its plan: the plan, the scope, and the container's parts."""

    __slots__ = ("_cache", "_health", "_registry", "_transport", "plan", "scope")

    def __init__(
        self,
        plan: Plan,
        registry: ProviderRegistry,
        cache: ClientCache,
        transport: Transport,
        health: KeyHealth,
    ) -> None:
        self.plan = plan
        self.scope: RequestScope | None = None
        self._registry, self._cache, self._transport, self._health = registry, cache, transport, health

    def for_scope(self, scope: RequestScope | None) -> Line:
        """Return the same line for another request."""
        line = Line(self.plan, self._registry, self._cache, self._transport, self._health)
        line.scope = scope
        return line

    def begin(self) -> Attempts:
        """Return the budget of a new call.

        :raises ForeignScope: it is made inside another user's request.
        """
        ambient, own = current_scope(), self.scope
        if ambient is not None and own is not None and not own.anonymous and ambient != own:
            raise ForeignScope(self.plan.feature.name)
        return Attempts(self.plan)

    @contextmanager
    def opened(
        self, attempts: Attempts, arguments: dict[str, Any], cache_key: str | None
    ) -> Iterator[tuple[BaseChatModel, dict[str, Any]]]:
        """Yield the first hop's client and the call's arguments, under a ticket for the hop's credential.

        What the block ends with is what key health is told: a stream has succeeded when it has ended.
        """
        hop = self.plan.first
        inner = self._cache.get(hop.spec)
        adapter = self._registry.adapter(hop.spec.protocol)
        grant = self._registry.grant(hop.spec, hop.credential, self.scope)
        key = cache_key if "prompt_cache_key" in hop.spec.supports else None
        with attempts.under(self._transport.ticket(grant)) as ticket:
            left = attempts.time_left(hop)
            rendered = render(inner, hop, arguments) if arguments else {}
            if "model" in rendered:
                rendered = {**rendered, "model": hop.provider.wire_name(rendered["model"])}
            own = adapter.request_arguments(ticket, cache_key=key, timeout_s=left)
            try:
                yield inner, merged(rendered, own) if rendered else own
            except Exception as error:
                self._saw(grant, error)
                raise
            self._saw(grant)

    def _saw(self, grant: Grant, error: Exception | None = None) -> None:
        """Tell key health how a call on a user's own key ended (R8: the credential says whose it is)."""
        credential, user = grant.credential, self.scope.user_id if self.scope else None
        if user is None or credential is None or credential.payer != "user":
            return
        failure = None if error is None else partial(_failure, error, credential)
        feed(self._health, user, self.plan.first.credential.provider, credential, failure)

    def parser(self, wish: StructuredWish) -> Runnable[Any, Any]:
        """Return what parses an answer to this wish: the parser of the hop that gave it."""
        hop = self.plan.first
        # The answer of a call that was under way when the cache was closed is still parsed.
        return wish.parser(hop) or wish.rendered(self._cache.get(hop.spec), hop)[1]

    def stamp(self, arguments: Mapping[str, Any] = MappingProxyType({})) -> dict[str, str]:
        """Return what every answer carries in `response_metadata["pointsman"]`: who served it, who paid.

        `arguments` are the call's own: a caller may name another model of the same provider there.
        """
        hop = self.plan.first
        return {
            "feature": self.plan.feature.name,
            "profile": self.plan.profile,
            "provider": hop.route.provider,
            "model": arguments.get("model", hop.route.model),
            "payer": hop.payer,
        }

    def __deepcopy__(self, memo: object) -> Line:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a line to a provider can't leave its process")
