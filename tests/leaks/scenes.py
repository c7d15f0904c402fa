"""A product in small: one feature for each protocol, at one server, watched by the leak kit."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.leaks.spans import SpanHandler, exporting
from tests.llm.services import HONOURS
from tests.servers.models import any_model
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.errors import Payer
    from app.llm.routed_model import RoutedChatModel
    from app.testing.leaks.canaries import Canary
    from app.testing.leaks.kit import LeakKit
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

HEADERS = {
    "openai_compatible": "authorization",
    "gemini": "x-goog-api-key",
    "anthropic": "x-api-key",
}
PATHS = {"openai_compatible": "/v1", "gemini": "", "anthropic": ""}
ABILITIES = ["tools", "structured_output", "streaming", "usage"]


def tables(origin: str, protocol: str) -> dict[str, Any]:
    """A catalog with one feature at one provider."""
    provider = {
        "protocol": protocol,
        "base_url": origin + PATHS[protocol],
        "key_env": "ACME_API_KEY",
        "supports": ABILITIES,
    }
    routes = {"routes": {"ask": {"provider": "acme", "model": "swift-1", "options": {"timeout_s": 20.0}}}}
    return {
        "providers": {"acme": provider},
        "features": {"ask": {"about": "Ask", "attempts": 1}},
        "profiles": {"premium": routes, "byok": {"extends": "premium"}},
    }


@dataclass(frozen=True)
class Scene:
    """One call's surroundings. Nothing in it shows a canary by its repr."""

    kit: LeakKit
    server: RunningServer
    container: Any
    payer: Payer
    scope: RequestScope | None
    prompt: Canary

    def llm(self) -> RoutedChatModel:
        """The model, handed out anew."""
        model: RoutedChatModel = self.container.llm_service().get_llm("ask", scope=self.scope)
        assert model.payer == self.payer
        return model

    def look_around(self) -> None:
        """Look at everything that a call leaves behind."""
        service, model = self.container.llm_service(), self.llm()
        things = {
            "the model": model,
            "the chain": model.with_structured_output({"title": "Place", "type": "object", "properties": {}}),
            "the scope": self.scope,
            "the plan": model.plan,
            "the hop": model.plan.first,
            "the spec": model.plan.first.spec,
            "the explanation": service.explain("ask", self.scope),
            "the service": service,
            "the container": self.container,
            "the transport": self.container.transport(),
            "the registry": self.container.provider_registry(),
            "the cache": self.container.client_cache(),
            "the client": self.container.client_cache().get(model.plan.first.spec),
            "the grant": self.container.provider_registry().grant(
                model.plan.first.spec, model.plan.first.credential, self.scope
            ),
        }
        for name, thing in things.items():
            self.kit.look_at(thing, name)


@contextmanager
def scene(kit: LeakKit, server: RunningServer, protocol: str, payer: Payer) -> Iterator[Scene]:
    """Yield a scene whose payer's key is a canary; the other payer's, if there is one, may go nowhere."""
    home = {server.origin: HEADERS[protocol]}
    users = kit.key("ada's key", at=home if payer == "user" else {})
    platforms = kit.key("the platform's key", at=home if payer == "platform" else {})
    kit.watch(server)
    spans, exporter = exporting()
    kit.watch_spans(exporter)
    container: Any = Container(
        settings=Settings(variables={"ACME_API_KEY": platforms.text}),
        profile_repository=InMemoryProfileRepository(tables(server.origin, protocol), HONOURS),
    )
    container.callbacks.override(lambda _: [*kit.callbacks, SpanHandler(spans)])
    scope = RequestScope("ada", {"acme": users.secret}) if payer == "user" else None
    with running(container):
        yield Scene(kit, server, container, payer, scope, kit.prompt())


def echoing(status: int) -> Script:
    """A provider that says everything back that it was sent: the key and the prompt."""

    def answer(received: Received) -> Answer:
        key = next(value for name, value in received.headers if name in HEADERS.values())
        error = {
            "message": f"Incorrect API key provided: {key}. You asked: {received.body.decode()}",
            "type": "invalid_request_error",
            "code": key.removeprefix("Bearer "),
            "status": key,
            "param": key,
            "details": [{"reason": key, "metadata": {"prompt": received.body.decode()}}],
        }
        body = json.dumps({"type": "error", "error": error}).encode()
        return Answer(body, status, headers={"retry-after": "60"})

    return answer


def cut_in_the_middle(received: Received) -> Answer:
    """A stream that breaks after its first events."""
    whole = any_model(received)
    return Answer(parts=(whole.parts or [b"{"])[:2], headers=whole.headers, cut=True)


def nonsense(received: Received) -> Answer:
    """An answer that is no JSON, and says everything back."""
    return Answer(f"<html>{received.headers} {received.body!r}</html>".encode())
