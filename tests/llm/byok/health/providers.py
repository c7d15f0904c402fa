"""Three providers, one a wire protocol, all at one local server; each has its feature, on users' keys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.services import HONOURS
from tests.servers.models import any_model, as_json
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

USERS_KEY = "sk-users-canary-0123456789"
HEADERS = {"acme": "authorization", "nova": "x-goog-api-key", "terra": "x-api-key"}
SENT = {"acme": f"Bearer {USERS_KEY}", "nova": USERS_KEY, "terra": USERS_KEY}
"""What a provider is to see of the user's key, in its header."""
PLATFORM_KEYS = {f"{name.upper()}_API_KEY": f"{name}-platform" for name in HEADERS}


def tables(origin: str) -> dict[str, Any]:
    """Return the tables of a catalog whose providers are at one server."""

    def provider(name: str, protocol: str, path: str, page: dict[str, Any]) -> dict[str, Any]:
        row = {"protocol": protocol, "base_url": origin + path, "key_env": f"{name.upper()}_API_KEY"}
        return row | {"probe": page}

    anthropic = {"get": "/v1/models?limit=1", "headers": {"anthropic-version": "2023-06-01"}}
    return {
        "providers": {
            "acme": provider("acme", "openai_compatible", "/v1", {"get": "/models"}),
            "nova": provider("nova", "gemini", "", {"get": "/v1beta/models?pageSize=1"}),
            "terra": provider("terra", "anthropic", "", anthropic),
        },
        "features": {name: {"about": "Say", "attempts": 1} for name in HEADERS}
        | {"guard": {"about": "Guard", "payer": "platform_only", "attempts": 1}},
        "pinned": {"guard": {"provider": "acme", "model": "some-model"}},
        "profiles": {
            "premium": {"routes": {name: {"provider": name, "model": "some-model"} for name in HEADERS}}
        },
    }


@contextmanager
def container_at(server: RunningServer, changed: dict[str, Any] | None = None, **parts: Any) -> Iterator[Any]:
    """Run a container over these providers; `changed` are other tables, `parts` replace parts of it."""
    repository = InMemoryProfileRepository(tables(server.origin) | (changed or {}), HONOURS)
    settings = Settings(variables=PLATFORM_KEYS, user_endpoint_loopback=True)
    with running(Container(settings=settings, profile_repository=repository, **parts)) as container:
        yield container


def scope_of(user: str | None = "ada", **keys: str) -> RequestScope:
    """Return a user's scope, with one key for all three providers unless others are given."""
    return RequestScope(user, keys or dict.fromkeys(HEADERS, USERS_KEY))


def refusing(status: int, error: dict[str, Any] | None = None) -> Script:
    """Answer every request with an error that quotes the key."""
    said = {"message": f"no: {USERS_KEY}", **(error or {})}
    return lambda _: Answer(as_json({"error": said}), status=status)


def opening(received: Received) -> Answer:
    """Answer as a provider whose pages a key opens."""
    if received.method == "GET":
        return Answer(as_json({"object": "list", "data": []}))
    return any_model(received)
