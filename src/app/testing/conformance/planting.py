"""The environment in which an adapter is checked: keys and addresses where an SDK would look for its own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYS: Final = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENAI_ADMIN_KEY",
    "OPENAI_API_KEY",
    "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION",
    "OPENAI_PROJECT_ID",
)
"""Variables in which SDKs look for what they send with a request."""
ADDRESSES: Final = (
    "ALL_PROXY",
    "ANTHROPIC_API_URL",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_PROXY",
)
"""Variables in which SDKs look for where to send it."""


@contextmanager
def planted(variables: Mapping[str, str]) -> Iterator[None]:
    """Set these variables of the environment until the block ends."""
    environment = os.environ  # noqa: TID251 - canaries are planted where SDKs look; nothing is configured by it
    before = {name: environment.get(name) for name in variables}
    environment.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del environment[name]
            else:
                environment[name] = value
