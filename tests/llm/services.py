"""Services for tests: the real parts, with settings and catalog tables given by the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.containers import Container
from app.llm import InMemoryProfileRepository
from app.llm.providers.registry import installed_adapters
from app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.llm import LLMService

ALL_KEYS = {
    f"{name}_API_KEY": f"{name.lower()}-platform-key"
    for name in ("OPENAI", "GEMINI", "OPENROUTER", "ANTHROPIC", "PERPLEXITY")
}
HONOURS = {name: adapter.honours for name, adapter in installed_adapters().items()}

TABLES: dict[str, Any] = {
    "providers": {
        "acme": {
            "protocol": "openai_compatible",
            "base_url": "https://api.acme.example/v1",
            "key_env": "ACME_API_KEY",
            "supports": ["tools", "structured_output", "streaming", "usage", "prompt_cache_key"],
        },
        "nova": {
            "protocol": "gemini",
            "base_url": "https://nova.example",
            "key_env": "NOVA_API_KEY",
            "models": [{"match": ["comet-2*"], "options": {"thinking_budget": 0}}],
        },
        "broker": {
            "protocol": "openai_compatible",
            "base_url": "https://broker.example/v1",
            "key_env": "BROKER_API_KEY",
            "vendors": [{"match": ["comet*"], "prefix": "nova/", "direct": "nova"}],
        },
    },
    "features": {
        "summary": {"about": "Summarise", "options": {"broker": {"temperature": 0.7}}},
        "guard": {"about": "Guard", "payer": "platform_only"},
        "coach": {"about": "Coach", "payer": "user_only"},
        "chat": {"about": "Chat", "on_user_key_failure": "platform", "deadline_s": 9.0, "attempts": 3},
    },
    "pinned": {"guard": {"provider": "acme", "model": "swift-pinned"}},
    "profiles": {
        "premium": {
            "routes": {
                "summary": {"provider": "broker", "model": "comet-2-lite"},
                "coach": {"provider": "acme", "model": "swift-1"},
                "chat": {"provider": "nova", "model": "comet-3"},
            }
        },
        "byok": {
            "extends": "premium",
            "routes": {
                "summary": {"provider": "acme", "model": "swift-2"},
                "chat": {
                    "provider": "acme",
                    "model": "swift-3",
                    "fallbacks": [{"provider": "nova", "model": "comet-3"}],
                },
            },
        },
    },
}
TABLE_KEYS = {
    "ACME_API_KEY": "acme-platform",
    "NOVA_API_KEY": "nova-platform",
    "BROKER_API_KEY": "broker-platform",
}


def container(
    tables: Mapping[str, Any] = TABLES, variables: Mapping[str, str] = TABLE_KEYS, **overrides: Any
) -> Any:  # noqa: ANN401 - Container() returns a DynamicContainer
    """Return a container over these tables; `overrides` replace parts of it."""
    settings = Settings(variables=dict(variables))
    repository = InMemoryProfileRepository(tables, HONOURS)
    return Container(**({"settings": settings, "profile_repository": repository} | overrides))


def service(
    tables: Mapping[str, Any] = TABLES, variables: Mapping[str, str] = TABLE_KEYS, **overrides: Any
) -> LLMService:
    """Return a service over these tables; `overrides` replace parts of the container."""
    made: LLMService = container(tables, variables, **overrides).llm_service()
    return made


def shipped(
    profile: str = "premium", variables: Mapping[str, str] = ALL_KEYS, **overrides: Any
) -> LLMService:
    """Return a service over the shipped catalog."""
    settings = Settings(model_qos=profile, variables=dict(variables))
    return Container(settings=settings, **overrides).llm_service()
