"""A catalog to drill: three protocols, plans of up to three hops, and every way of calling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.containers import Container
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from app.testing.drills.groups import Group, Way, scope_of
from app.testing.drills.plays import Play
from app.testing.drills.scenario import Scenario
from tests.llm.services import HONOURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm import LLMService

ACME = {"provider": "acme", "model": "swift"}
NOVA = {"provider": "nova", "model": "comet"}
LUMEN = {"provider": "lumen", "model": "ray"}


def provider(protocol: str, name: str, **more: object) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "base_url": f"https://{name}.example/api",
        "key_env": f"{name.upper()}_API_KEY",
        **more,
    }


def route(first: Mapping[str, Any], *later: Mapping[str, Any]) -> dict[str, Any]:
    return {**first, "fallbacks": [*later]}


TABLES: dict[str, Any] = {
    "providers": {
        "acme": provider(
            "openai_compatible", "acme", models=[{"match": ["swift"], "window": 1000}], circuit="off"
        ),
        "nova": provider("gemini", "nova", models=[{"match": ["comet"], "window": 2000}]),
        "lumen": provider("anthropic", "lumen"),
    },
    "features": {
        "summary": {"about": "A text"},
        "notes": {"about": "A text, alike", "needs": []},
        "filing": {"about": "A schema", "needs": ["structured_output"]},
        "agent": {"about": "Tools, streamed", "needs": ["tools", "streaming"], "deadline_s": 30.0},
        "guard": {"about": "The platform's", "payer": "platform_only", "attempts": 1},
        "chat": {"about": "Streamed", "needs": ["streaming"], "on_user_key_failure": "platform"},
    },
    "profiles": {
        "premium": {
            "routes": {
                "summary": ACME,
                "notes": ACME,
                "filing": route(ACME, NOVA, LUMEN),
                "agent": route(LUMEN, ACME),
                "guard": LUMEN,
                "chat": route(NOVA, ACME),
            },
        },
        "small": {"extends": "premium", "unavailable": {"agent": "it has no tools"}},
    },
}


def container(tables: Mapping[str, Any] = TABLES, profile: str = "premium") -> Any:  # noqa: ANN401 - as it is
    """Return a container over these tables, whose settings know no key at all."""
    repository = InMemoryProfileRepository(tables, HONOURS)
    settings = Settings(model_qos=profile, variables={})
    return Container(settings=settings, profile_repository=repository)


def with_keys(profile: str = "premium") -> LLMService:
    """Return the service over the tables, with keys of the platform."""
    keys = {f"{name}_API_KEY": "k" for name in ("ACME", "NOVA", "LUMEN")}
    repository = InMemoryProfileRepository(TABLES, HONOURS)
    service: LLMService = Container(
        settings=Settings(model_qos=profile, variables=keys), profile_repository=repository
    ).llm_service()
    return service


def group_of(feature: str, *keys: str) -> Group:
    """Return a group of one feature."""
    plan = with_keys().plan(feature, scope_of(keys))
    caller = "user" if keys else "platform"
    return Group((feature,), caller, frozenset(keys), plan, Way.of(plan.feature.row.needs))


def scenario(*faults: str, callers: Mapping[str, Any] | None = None, **play: object) -> Scenario:
    """Return a scenario of one play."""
    rows: dict[str, Any] = {"plays": [{"faults": faults, **play} if faults else play]}
    return Scenario.model_validate(rows | ({"callers": callers} if callers else {}), strict=False)


FINE = Play("ok")
