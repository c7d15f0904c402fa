"""Everything about models: which one serves a feature, who pays, and how it is reached."""

from __future__ import annotations

from app.llm.byok.resolver import BYOKResolver
from app.llm.byok.scope import RequestScope, current_scope, request_scope
from app.llm.catalog.repository import InMemoryProfileRepository, ProfileRepository, TomlProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.spec import ClientSpec
from app.llm.explaining import Explanation
from app.llm.planning import Hop, Plan
from app.llm.providers.protocol import ProtocolAdapter
from app.llm.providers.registry import ProviderRegistry
from app.llm.service import LLMService

__all__ = [
    "BYOKResolver",
    "ClientCache",
    "ClientSpec",
    "Explanation",
    "Hop",
    "InMemoryProfileRepository",
    "LLMService",
    "Plan",
    "ProfileRepository",
    "ProtocolAdapter",
    "ProviderRegistry",
    "RequestScope",
    "TomlProfileRepository",
    "current_scope",
    "request_scope",
]
