"""Giving a feature its answers: plan, payer, explanation and scope stay real; who answers is a script."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.errors import RealRequestForbidden
from app.llm.circuits.memory import InMemoryCircuits
from app.llm.clients.cache import ClientCache
from app.llm.parts import Remembered
from app.llm.rates.memory import InMemoryRates
from app.llm.routing import RoutingTables
from app.llm.running.gates import Gates
from app.llm.service import LLMService
from app.testing.clocks import SleeplessClock
from app.testing.forbidding import ForbiddingTransport
from app.testing.scripted.keyless import keyless, scripted_registry
from app.testing.scripted.model import ScriptedChatModel
from app.testing.scripted.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app.llm.byok.scope import RequestScope
    from app.llm.clients.spec import ClientSpec
    from app.llm.explaining import Explanation
    from app.llm.planning import Plan
    from app.llm.routed_model import RoutedChatModel
    from app.llm.running.runner import Runner
    from app.testing.scripted.script import Answers


@contextmanager
def answering(
    container: Any,  # noqa: ANN401 - Container() returns a DynamicContainer
    answers: Mapping[str, Answers] | None = None,
    /,
    *,
    refuse_others: bool = False,
    **features: Answers,
) -> Iterator[dict[str, Script]]:
    """Give features of a container scripted answers until the block ends; yield their scripts by feature.

        with answering(container, conv_folder=["f1"], session_titles=RateLimited) as scripts:
            ...
        assert scripts["conv_folder"].calls[0].prompt == "..."

    `get_llm` hands out real routed models: plan, payer, explanation, stamp and scope check are real. No key
    is needed, nobody is asked, nothing is launched. Other features stay as they are, or raise
    RealRequestForbidden with `refuse_others`. It holds for services that the container makes from now on, and
    inside another such block for both blocks' features.

    :raises UnknownFeature: an answer is for a feature that nobody declared.
    """
    outer = container.llm_service()
    scripts = {name: Script(name, given) for name, given in {**(answers or {}), **features}.items()}
    for name in scripts:
        outer.catalog.feature(name)
    if isinstance(outer, ScriptedService):
        given, refuse_others = {**outer.stage.scripts, **scripts}, refuse_others or outer.stage.refuse_others
    else:
        given = scripts
    stage = Stage(given, refuse_others=refuse_others)
    seam = container.llm_service
    with seam.override(type(seam)(ScriptedService, stage=stage, **seam.kwargs)):
        yield scripts


class Stage:
    """What lasts as long as the scripts do: a client cache a feature, as equal specs answer differently."""

    def __init__(self, scripts: Mapping[str, Script], *, refuse_others: bool) -> None:
        self.scripts, self.refuse_others = dict(scripts), refuse_others
        self._caches = {name: self._cache(script) for name, script in scripts.items()}
        self._transport, self._tables = ForbiddingTransport(), RoutingTables()
        self._runners = Remembered(_runner)
        self._settings, self._registries = Remembered(keyless), Remembered(scripted_registry)

    def service(self, feature: str, catalog: object, parts: dict[str, Any]) -> LLMService:
        """Return the service that answers a feature by its script; `parts` are those of a real service."""
        settings = self._settings.get(parts["settings"], catalog)
        scripted = {
            "settings": settings,
            "provider_registry": self._registries.get(parts["provider_registry"], settings, self._transport),
            "client_cache": self._caches[feature],
            "transport": self._transport,
            "routing_tables": self._tables,
            "plan_runner": self._runners.get(parts["plan_runner"]),
        }
        return LLMService(**{**parts, **scripted})

    def _cache(self, script: Script) -> ClientCache:
        def client(spec: ClientSpec) -> ScriptedChatModel:
            return ScriptedChatModel(answers=script, feature=script.feature, model=spec.model)

        return ClientCache(client)


def _runner(real: Runner) -> Runner:
    """Return what scripted plans are run with: nobody waits, and what a script says opens no real circuit."""
    clock = SleeplessClock()
    gates = Gates(clock, InMemoryCircuits(clock), InMemoryRates(clock))
    return replace(real, clock=clock, gates=gates, hedging=None)


class ScriptedService(LLMService):
    """A service some of whose features answer by script."""

    def __init__(self, *, stage: Stage, **parts: Any) -> None:
        super().__init__(**parts)
        self.stage, self._parts = stage, parts

    def get_llm(self, feature: str, *, scope: RequestScope | None = None, **wishes: Any) -> RoutedChatModel:
        """Return the chat model of a feature, as `LLMService.get_llm` does.

        :raises RealRequestForbidden: the feature has no script, and others are refused.
        """
        if feature in self.stage.scripts:
            return self._scripted(feature).get_llm(feature, scope=scope, **wishes)
        if self.stage.refuse_others:
            self.catalog.feature(feature)
            raise RealRequestForbidden(
                f"feature {feature!r} has no script: give it answers with app.testing.answering(container, "
                f"{feature}=...)"
            )
        return super().get_llm(feature, scope=scope, **wishes)

    def plan(self, feature: str, scope: RequestScope | None = None) -> Plan:
        """Return the plan of a call. A scripted feature's needs no key of the platform."""
        scripted = feature in self.stage.scripts
        return self._scripted(feature).plan(feature, scope) if scripted else super().plan(feature, scope)

    def explain(
        self, feature: str, scope: RequestScope | None = None, *, cache_key: str | None = None
    ) -> Explanation:
        """Return where a call would go and why not elsewhere."""
        if feature in self.stage.scripts:
            return self._scripted(feature).explain(feature, scope, cache_key=cache_key)
        return super().explain(feature, scope, cache_key=cache_key)

    def warm_up(self, features: Iterable[str] | None = None) -> tuple[str, ...]:
        """Warm up the features that have no script, unless they are refused: a script is always warm."""
        asked = self.catalog.features if features is None else features
        wanted = [self.catalog.feature(name).name for name in asked]
        scripted = [name for name in wanted if name in self.stage.scripts]
        others = [] if self.stage.refuse_others else [name for name in wanted if name not in scripted]
        return (*scripted, *super().warm_up(others))

    def _scripted(self, feature: str) -> LLMService:
        return self.stage.service(feature, self.catalog, self._parts)
