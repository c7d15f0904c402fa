"""Trying a user's key out: does its provider accept it? For nothing, or next to nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import ConfigurationError, PointsmanError
from app.llm.byok.health.conditions import STATE_OF_FAILURE, KeyFailure
from app.llm.byok.health.feeding import feed
from app.llm.byok.scope import RequestScope
from app.llm.catalog.effective import hops_of
from app.llm.catalog.rows import ProbeRow
from app.llm.failures import classify
from app.llm.providers.asking import OneToken, Page
from app.llm.providers.registry import base_url_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.llm.byok.endpoint import UserEndpoint
    from app.llm.byok.health.conditions import KeyHealth, KeyState
    from app.llm.catalog.model import Catalog, Provider, Route
    from app.llm.catalog.options import OptionValue
    from app.llm.clients.door import Ticket
    from app.llm.clients.spec import ClientSpec
    from app.llm.clients.transport import Transport
    from app.llm.providers.asking import WayToAsk
    from app.llm.providers.registry import ProviderRegistry

PROBE_TIMEOUT_S = 10.0
"""Seconds after which a provider that doesn't answer is given up."""
MODELS = ProbeRow(get="/models")
"""The page of a user's own endpoint: who is compatible with OpenAI has it."""


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What a provider said of a user's key. `unknown`: it said nothing of the key, or couldn't be asked.

    `asked` is what it was asked; `failure` is why the key isn't known to work. There is no key in it.
    """

    provider: str
    state: KeyState
    asked: str
    failure: KeyFailure | None = None

    @property
    def works(self) -> bool:
        """Whether the provider accepted the key."""
        return self.state == "valid"

    @property
    def status(self) -> int | None:
        """The HTTP status of a refusal, if there was an answer."""
        return self.failure.status if self.failure else None

    @property
    def reason(self) -> str:
        """What was found, as a person reads it."""
        if self.failure is None:
            return "the provider accepted it"
        what = "the provider can't tell" if self.state == "unknown" else "the provider refused it"
        return f"{what}: {self.failure}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        named = {name: getattr(self, name) for name in ("provider", "state", "asked", "status", "reason")}
        failure = self.failure
        known = {"failure_class": failure.failure_class, "code": failure.code} if failure else {}
        return named | {"failure_class": None, "code": None} | known

    def __str__(self) -> str:
        return f"{self.provider}: {self.state}: {self.reason} ({self.asked})"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key to be tried: whose it is, for which provider, and for how long its provider may be waited for.

    `model` is asked for one token where the provider has no page that tells.
    """

    provider: Provider
    scope: RequestScope
    model: str | None
    timeout_s: float

    @classmethod
    def at(cls, endpoint: UserEndpoint, user_id: str | None, timeout_s: float) -> Candidate:
        """Return the candidate that the key of a user's own endpoint is."""
        scope = RequestScope(user_id, endpoint=endpoint)
        return cls(endpoint.named.provider(), scope, endpoint.model, timeout_s)

    @property
    def options(self) -> tuple[tuple[str, OptionValue], ...]:
        """The options of that one token."""
        return (("max_tokens", 1), ("timeout_s", self.timeout_s))


class Prober:
    """What tries users' keys out, through the one transport and its door: one request, and no second one."""

    def __init__(self, registry: ProviderRegistry, transport: Transport, health: KeyHealth) -> None:
        self._registry, self._transport, self._health = registry, transport, health

    def probe(self, candidate: Candidate) -> KeyReport:
        """Ask the provider whether the key works; what it says is told to key health if there is a user.

        :raises ConfigurationError: this provider can't be asked, with the reason.
        """
        way, ticket = self._prepared(candidate)
        failure = None
        try:
            with ticket as text:
                way.ask(self._transport, text)
        except Exception as error:  # noqa: BLE001 - classified, or raised as it is
            failure = _failure(error, ticket)
        return self._report(candidate, way, ticket, failure)

    async def aprobe(self, candidate: Candidate) -> KeyReport:
        """Ask as `probe` does, in an event loop."""
        way, ticket = self._prepared(candidate)
        failure = None
        try:
            async with asyncio.timeout(candidate.timeout_s):
                with ticket as text:
                    await way.aask(self._transport, text)
        except Exception as error:  # noqa: BLE001 - classified, or raised as it is
            failure = _failure(error, ticket)
        return self._report(candidate, way, ticket, failure)

    def _prepared(self, candidate: Candidate) -> tuple[WayToAsk, Ticket]:
        provider = candidate.provider
        spec = self._registry.spec(provider, candidate.model or "any model", "user", candidate.options)
        if spec.user_named:
            refused = self._registry.missing(provider, spec, "")
            if refused is not None:
                raise refused()
        elif provider.keyless:
            raise ConfigurationError(f"provider {provider.name!r} takes no key: there is nothing to try out")
        if not spec.base_url:
            variable = base_url_variable(provider.name)
            raise ConfigurationError(f"provider {provider.name!r} can't be asked: {variable} is not set")
        reference = self._registry.reference(provider, spec)
        grant = self._registry.grant(spec, reference, candidate.scope)
        return self._way(candidate, spec), self._transport.ticket(grant)

    def _way(self, candidate: Candidate, spec: ClientSpec) -> WayToAsk:
        page = MODELS if spec.user_named else candidate.provider.row.probe
        if page is not None:
            url = spec.base_url.rstrip("/") + page.get
            return Page(url, {**dict(spec.headers), **page.headers}, candidate.timeout_s)
        if candidate.model is None:
            raise ConfigurationError(
                f"provider {spec.provider!r} can't be asked: its row names no page that tells "
                "(probe = { get = ... }), and no route goes to a model of its"
            )
        adapter = self._registry.adapter(spec.protocol)
        return OneToken(self._registry.build(spec), candidate.model, adapter, candidate.timeout_s)

    def _report(
        self, candidate: Candidate, way: WayToAsk, ticket: Ticket, failure: KeyFailure | None
    ) -> KeyReport:
        state: KeyState = "valid"
        if failure is not None:
            state = STATE_OF_FAILURE.get(failure.failure_class, "unknown")
        user, credential = candidate.scope.user_id, ticket.grant.credential
        if user is not None and credential is not None:
            seen = None if failure is None else lambda: failure
            feed(self._health, user, candidate.provider.key_holder, credential, seen)
        return KeyReport(candidate.provider.name, state, way.what, failure)


def _failure(error: Exception, ticket: Ticket) -> KeyFailure:
    """Return what a failed request says of the key; what is our own, or nobody's, is raised."""
    failure = KeyFailure.of(classify(error, answered=ticket.admitted, secret=ticket.key))
    if isinstance(error, PointsmanError) or failure.failure_class == "unknown":
        raise error
    return failure


def routed_model(catalog: Catalog, profile: str, provider: str) -> str | None:
    """Return a model that the catalog routes to a provider, the active profile's before any other's."""
    return next((hop.model for hop in _hops(catalog, profile) if hop.provider == provider), None)


def _hops(catalog: Catalog, profile: str) -> Iterator[Route]:
    active = catalog.profiles[profile]
    for table in (active.routes, catalog.pinned, *(one.routes for one in catalog.profiles.values())):
        for route in table.values():
            yield from hops_of(route)
