"""A world on a stage: its container over real servers, its moves played, and what holds after each one."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import currently_in_test_context, event
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from app.containers import Container, running
from app.errors import ForeignScope, InvalidUserKey, ModelCallFailed, PointsmanError
from app.llm import InMemoryProfileRepository, ProviderRegistry, RequestScope, UserEndpoint, request_scope
from app.llm.catalog.model import USER_ENDPOINT
from app.llm.providers.registry import installed_adapters
from app.settings import Settings
from app.testing.clocks import SleeplessClock
from tests.safety.moves import BlankKey, Call, Crowd
from tests.safety.providers_at_hand import COOKIE
from tests.safety.rogues import LOOT, NEVER_LET_OUT, ROGUES, CarelessRegistry, rogues
from tests.safety.secrets_seen import CARRIERS
from tests.safety.worlds import PROVIDERS, SERVERS, USERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.errors import Payer
    from app.llm import Explanation, LLMService
    from app.llm.explaining import ExplainedHop
    from app.llm.routed_model import RoutedChatModel
    from tests.safety.moves import Move
    from tests.safety.providers_at_hand import ProviderServers
    from tests.safety.worlds import World
    from tests.servers.wire import Received

QUESTION = "Who pays for this?"
REFUSING = {"401", "402", "403", "echo"}
"""Moods in which a server refuses a key: only then may the bill move, where the feature says so."""


class Stage:
    """One container, and every promise about its calls."""

    def __init__(self, world: World, servers: ProviderServers, service: LLMService) -> None:
        self.world, self.servers, self.service = world, servers, service
        self.scopes = {user: self._scope(user) for user in USERS}
        self._runner = asyncio.Runner()

    def _scope(self, user: str) -> RequestScope:
        key = self.world.at_home.get(user)
        endpoint = UserEndpoint(f"{self.servers.origin('home')}/v1", "m-home", key) if key else None
        return RequestScope(user, self.world.keys[user], endpoint)

    def close(self) -> None:
        """End the event loop."""
        self._runner.close()

    def play(self, move: Move) -> None:
        """Play one move, and hold what has to hold after it."""
        for server in self.servers.servers.values():
            server.received.clear()
        if isinstance(move, Call):
            self._play_call(move)
        elif isinstance(move, Crowd):
            self._play_crowd(move)
        else:
            self._play_blank_key(move)

    # ---------------------------------------------------------------- one call

    def _play_call(self, move: Call) -> None:
        self.servers.moods = dict(move.moods)
        scope = self.scopes.get(move.user or "")
        explained = self.service.explain(move.feature, scope or RequestScope())
        outcome: Any = None
        try:
            model = self._handed_out(move, scope)
            inside = request_scope(self.scopes[move.inside]) if move.inside else nullcontext()
            with inside:
                outcome = self._run(model, move)
        except Exception as error:  # noqa: BLE001 - judged below
            outcome = error
        self.check_wire()
        if currently_in_test_context():
            event(f"a call ends with {type(outcome).__name__}")
        if isinstance(outcome, Exception) and move.mischief == "nothing":
            assert isinstance(outcome, PointsmanError), "nothing of an SDK reaches a caller"
        self._check_call(move, explained, outcome)

    def _handed_out(self, move: Call, scope: RequestScope | None) -> RoutedChatModel:
        if scope is None:
            return self.service.get_llm(move.feature)
        if move.ambient:
            with request_scope(scope):
                return self.service.get_llm(move.feature)
        return self.service.get_llm(move.feature, scope=scope)

    def _run(self, model: RoutedChatModel, move: Call) -> Any:  # noqa: ANN401 - a message or chunks
        extra = self._mischief(move)
        if move.manner == "invoke":
            return model.invoke(QUESTION, **extra)
        if move.manner == "stream":
            return list(model.stream(QUESTION, **extra))
        if move.manner == "ainvoke":
            return self._runner.run(model.ainvoke(QUESTION, **extra), context=copy_context())
        return self._runner.run(_collected(model, extra), context=copy_context())

    def _mischief(self, move: Call) -> dict[str, Any]:
        """Return arguments with which a caller tries to send somebody else's secret."""
        others = [secret for secret, owner in self.world.secrets.owners.items() if owner.user != move.user]
        if move.mischief == "nothing" or not others:
            return {}
        secret = others[0]
        if move.mischief == "query":
            return {"extra_query": {"key": secret}}
        header, value = {
            "another's bearer": ("Authorization", f"Bearer {secret}"),
            "another's x-api-key": ("X-Api-Key", secret),
            "another's x-goog-api-key": ("X-Goog-Api-Key", secret),
            "cookie": ("Cookie", f"session={secret}"),
        }[move.mischief]
        return {"extra_headers": {header: value}}

    def _check_call(self, move: Call, explained: Explanation, outcome: Any) -> None:  # noqa: ANN401 - as above
        seen = self.servers.seen()
        scope = self.scopes.get(move.user or "")
        if isinstance(outcome, ForeignScope):
            assert not seen
            assert move.inside not in {None, move.user}
            return
        foreign = move.inside is not None and move.user is not None and move.inside != move.user
        if explained.error is not None:
            assert not seen
            assert isinstance(outcome, PointsmanError)
            return
        assert not foreign, "a model was used inside another user's request"
        hops = explained.hops
        if self._protocol(hops[0]) in NEVER_LET_OUT:
            assert not seen
        paid = {self._payer_of(hops, scope, name, received) for name, received in seen}
        if hops[0].payer == "user" and "platform" in paid:
            moods = {move.moods.get(self._server_of(hop)) for hop in hops if hop.payer == "user"}
            assert moods & REFUSING, "the bill moved, and no key was refused"
        if self._all_is_well(move, hops[0]):
            assert not isinstance(outcome, Exception), f"nothing was in the way of {move}: {outcome!r}"
        if isinstance(outcome, ModelCallFailed):
            assert (outcome.payer, outcome.provider) in {(hop.payer, hop.provider) for hop in hops}
        elif not isinstance(outcome, Exception):
            assert seen, "an answer came from nowhere"
            message = outcome[0] if isinstance(outcome, list) else outcome
            stamp = message.response_metadata["pointsman"]
            hop = hops[stamp["hop"] - 1]
            assert (stamp["payer"], stamp["provider"]) == (hop.payer, hop.provider)

    def _payer_of(
        self, hops: Sequence[ExplainedHop], scope: RequestScope | None, name: str, received: Received
    ) -> Payer:
        """Return who pays: who holds the secret that the server saw. Explain has named that hop before."""
        [owner] = [self.world.secrets.owners[secret] for secret, _ in self._shown(received)]
        assert owner.user == (scope.user_id if owner.payer == "user" and scope else None)
        served = [hop for hop in hops if (self._server_of(hop), hop.payer) == (name, owner.payer)]
        assert any(self._protocol(hop) not in NEVER_LET_OUT for hop in served)
        return owner.payer

    def _server_of(self, hop: ExplainedHop) -> str:
        return "home" if hop.provider == USER_ENDPOINT else PROVIDERS[hop.provider]

    def _all_is_well(self, move: Call, hop: ExplainedHop) -> bool:
        honest = self._protocol(hop) not in ROGUES
        mood = move.moods.get(self._server_of(hop), "fine")
        careless = self.world.careless and hop.provider == USER_ENDPOINT
        return honest and not careless and mood in {"fine", "cookie"} and move.mischief == "nothing"

    def _protocol(self, hop: ExplainedHop) -> str:
        rows = self.world.tables["providers"]
        return "openai_compatible" if hop.provider == USER_ENDPOINT else str(rows[hop.provider]["protocol"])

    # ---------------------------------------------------------------- everyone at once

    def _play_crowd(self, move: Crowd) -> None:
        self.servers.moods = dict.fromkeys(SERVERS, move.mood)
        asking: list[str | None] = [*USERS, None]
        answered = self._runner.run(self._crowd(move, asking), context=copy_context())
        self.check_wire()
        assert answered <= len(self.servers.seen()), "an answer came from nowhere"
        for name, received in self.servers.seen():
            who = next((user for user in USERS if f"I am {user}" in received.body.decode()), None)
            scope = self.scopes.get(who or "", RequestScope())
            self._payer_of(self.service.explain(move.feature, scope).hops, scope, name, received)

    async def _crowd(self, move: Crowd, asking: list[str | None]) -> int:
        async def ask(user: str | None) -> None:
            model = self.service.get_llm(move.feature, scope=self.scopes.get(user or ""))
            question = f"I am {user}. {QUESTION}"
            if move.streaming:
                async for _ in model.astream(question):
                    await asyncio.sleep(0)
            else:
                await model.ainvoke(question)

        results = await asyncio.gather(*(ask(user) for user in asking * 2), return_exceptions=True)
        strange = [one for one in results if one is not None and not isinstance(one, PointsmanError)]
        assert not strange
        return results.count(None)

    # ---------------------------------------------------------------- a blank key

    def _play_blank_key(self, move: BlankKey) -> None:
        keys = {**self.world.keys[move.user], move.provider: move.blank}
        with pytest.raises(InvalidUserKey):
            RequestScope(move.user, keys)

    # ---------------------------------------------------------------- what a wire may show

    def _shown(self, received: Received) -> list[tuple[str, str]]:
        return self.world.secrets.on_the_wire(received)

    def check_wire(self) -> None:
        """Each request shows one secret at most: its server's own, once, where keys belong; and no cookie."""
        for name, received in self.servers.seen():
            shown = self._shown(received)
            assert len(shown) == 1, f"{name} saw {shown}"
            [(secret, place)] = shown
            assert self.world.secrets.owners[secret].server == name
            assert place in CARRIERS
            assert sum(header in CARRIERS for header, _ in received.headers) == 1
            assert received.header("cookie") is None
            assert COOKIE not in str(received)
            assert LOOT not in str(received)
            assert "pointsman-ticket" not in str(received)
            assert name != "home" or self.world.homes_are_open


async def _collected(model: RoutedChatModel, extra: dict[str, Any]) -> list[Any]:
    return [chunk async for chunk in model.astream(QUESTION, **extra)]


@contextmanager
def staged(world: World, servers: ProviderServers) -> Iterator[Stage]:
    """Yield the world's stage: every provider at its server."""
    servers.begin()
    tables = {**world.tables, "providers": dict(_placed(world, servers))}
    settings = Settings(variables=dict(world.variables), user_endpoint_loopback=world.homes_are_open)
    adapters = {**installed_adapters(), **rogues(f"{servers.origin('home')}/v1")}
    honours = {name: adapter.honours for name, adapter in adapters.items()}
    repository = InMemoryProfileRepository(tables, honours)
    with ExitStack() as stack:
        set_llm_cache(InMemoryCache())
        stack.callback(set_llm_cache, None)
        container = stack.enter_context(
            running(Container(settings=settings, profile_repository=repository, clock=SleeplessClock()))
        )
        parts = (settings, container.transport(), container.launchers())
        kind = CarelessRegistry if world.careless else ProviderRegistry
        container.provider_registry.override(kind(*parts, adapters))
        stage = Stage(world, servers, container.llm_service())
        stack.callback(stage.close)
        yield stage


def _placed(world: World, servers: ProviderServers) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, row in world.tables["providers"].items():
        path = "" if row["protocol"] in {"gemini", "anthropic"} else "/v1"
        yield name, {**row, "base_url": servers.origin(PROVIDERS[name]) + path}
