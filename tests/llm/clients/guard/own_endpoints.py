"""Users with endpoints of their own, at local servers or wherever a test's name service says."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope, UserEndpoint
from app.llm.clients.door import TICKET_HEADER
from app.llm.clients.guard.judging import Guard, opened_origins
from app.llm.clients.spec import Credential, Grant, origin_of
from app.settings import Settings
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES
from tests.servers.certificates import self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from app.llm import LLMService
    from app.llm.clients.transport import Transport

OWN_KEY = "sk-own-endpoint-canary"
FEATURE = "summary"


class NameService:
    """Answers by host; a list of lists is answered one after the other, the last one for good."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {
            host.replace("_", "."): [answer] for host, answer in answers.items()
        }
        self.asked: list[str] = []

    def then(self, host: str, *answers: Sequence[str]) -> NameService:
        """Answer these one after the other, whenever this host is asked for."""
        self.answers[host] = list(answers)
        return self

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return what the host's next answer is."""
        self.asked.append(host)
        if host not in self.answers:
            raise OSError(f"no such host: {host}")
        waiting = self.answers[host]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def guard(names: NameService | None = None, *opened: str, **differences: Any) -> Guard:
    """Return a guard with these opened hosts."""
    return Guard(names=names or NameService(), opened=opened_origins(opened), **differences)


def at(url: str, key: str = OWN_KEY, user: str = "ada", **about: Any) -> RequestScope:
    """Return the scope of a user who named an endpoint."""
    return RequestScope(user, endpoint=UserEndpoint(url, "home-made", key, **about))


@contextmanager
def service_with(endpoint_guard: Guard, tables: dict[str, Any] = TABLES) -> Iterator[LLMService]:
    """Run a service with the platform's keys and this guard."""
    repository = InMemoryProfileRepository(tables, HONOURS)
    settings = Settings(variables=TABLE_KEYS)
    parts = {"settings": settings, "profile_repository": repository, "endpoint_guard": endpoint_guard}
    with running(Container(**parts)) as container:
        yield container.llm_service()


def tls_for(host: str, directory: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context for this host, and the file of whoever trusts it."""
    file = directory / "endpoint.pem"
    file.write_bytes(self_signed(host))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


@contextmanager
def sent_to(transport: Transport, endpoint: UserEndpoint) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the URL and the headers of a request to a user's endpoint, under a ticket for it."""
    origin = origin_of(endpoint.base_url)
    credential = Credential("user_endpoint", "user", "a test", endpoint.key.get_secret_value, endpoint=origin)
    with transport.ticket(Grant(credential, origin, "bearer", user_named=True)) as ticket:
        yield f"{endpoint.base_url}/chat/completions", {TICKET_HEADER: ticket}
