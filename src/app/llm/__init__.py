"""Everything about models: which one serves a feature, who pays, and how it is reached."""

from __future__ import annotations

from app.llm.byok.endpoint import UserEndpoint
from app.llm.byok.enrolment.fingerprints import Fingerprint
from app.llm.byok.enrolment.policy import Enrolment
from app.llm.byok.enrolment.sql_store import SqlEnrolledKeys
from app.llm.byok.enrolment.store import EnrolledKeys, InMemoryEnrolledKeys
from app.llm.byok.entry import BYOKEntry
from app.llm.byok.health.conditions import KeyCondition, KeyFailure, KeyHealth, KeyHealthChanged
from app.llm.byok.health.memory import InMemoryKeyHealth
from app.llm.byok.middleware import BYOKMiddleware
from app.llm.byok.resolver import BYOKResolver
from app.llm.byok.scope import RequestScope, current_scope, request_scope
from app.llm.catalog.repository import InMemoryProfileRepository, ProfileRepository, TomlProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.spec import ClientSpec
from app.llm.coverage import Coverage, CoveredFeature
from app.llm.explaining import Explanation
from app.llm.planning import Hop, Plan
from app.llm.providers.probing import KeyReport
from app.llm.providers.protocol import ProtocolAdapter
from app.llm.providers.registry import ProviderRegistry
from app.llm.service import LLMService

__all__ = [
    "BYOKEntry",
    "BYOKMiddleware",
    "BYOKResolver",
    "ClientCache",
    "ClientSpec",
    "Coverage",
    "CoveredFeature",
    "EnrolledKeys",
    "Enrolment",
    "Explanation",
    "Fingerprint",
    "Hop",
    "InMemoryEnrolledKeys",
    "InMemoryKeyHealth",
    "InMemoryProfileRepository",
    "KeyCondition",
    "KeyFailure",
    "KeyHealth",
    "KeyHealthChanged",
    "KeyReport",
    "LLMService",
    "Plan",
    "ProfileRepository",
    "ProtocolAdapter",
    "ProviderRegistry",
    "RequestScope",
    "SqlEnrolledKeys",
    "TomlProfileRepository",
    "UserEndpoint",
    "current_scope",
    "request_scope",
]
