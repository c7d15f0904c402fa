"""Who holds which secret, and what a request on the wire gives away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.errors import Payer
    from tests.servers.wire import Received

CARRIERS = ("authorization", "x-api-key", "x-goog-api-key")
"""The headers in which the three protocols carry a key."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose secret it is, and the only server that may ever see it."""

    payer: Payer
    user: str | None
    server: str


@dataclass
class Secrets:
    """Every secret of a world by its text. All of them are unlike each other and anything else."""

    owners: dict[str, Owner] = field(default_factory=dict)

    def new(self, payer: Payer, user: str | None, server: str) -> str:
        """Return a new secret of an owner."""
        text = f"sk-{len(self.owners):04d}-{payer}-{user or 'all'}-of-{server}-canary"
        self.owners[text] = Owner(payer, user, server)
        return text

    def on_the_wire(self, received: Received) -> list[tuple[str, str]]:
        """Return each secret that a request shows, and where: a header's name, `target` or `body`."""
        places = [*received.headers, ("target", received.target), ("body", received.body.decode("latin-1"))]
        return [(secret, place) for place, text in places for secret in self.owners if secret in text]
