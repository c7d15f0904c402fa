"""Both ways of trying a key out, for tests that hold for either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.llm.byok.health.providers import USERS_KEY

if TYPE_CHECKING:
    from app.llm import LLMService
    from app.llm.providers.probing import KeyReport

PATIENT = {"timeout_s": 60.0}
"""A busy machine isn't what is tested."""
Probe = Callable[..., "KeyReport"]


def from_a_thread(llm_service: LLMService, provider: str, key: str = USERS_KEY, **about: Any) -> KeyReport:
    """Try a key out from a thread."""
    return llm_service.probe_key(provider, key, **PATIENT | about)


def in_a_loop(llm_service: LLMService, provider: str, key: str = USERS_KEY, **about: Any) -> KeyReport:
    """Try a key out in an event loop."""
    return asyncio.run(llm_service.aprobe_key(provider, key, **PATIENT | about))


both_ways = pytest.mark.parametrize("probe", [from_a_thread, in_a_loop])
