"""A plan of three hops, one a protocol, at one server that answers for each of them as a test says."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import TYPE_CHECKING, Any, Final

from app.containers import Container, running
from app.llm import InMemoryProfileRepository, RequestScope
from app.settings import Settings
from tests.llm.clocks import Sleepless
from tests.llm.services import HONOURS
from tests.servers.models import any_model
from tests.servers.running import PATIENCE_S
from tests.servers.running import running as serving
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from app.llm import LLMService
    from app.llm.clock import Clock
    from app.llm.routed_model import RoutedChatModel
    from app.llm.running.record import CallRecord
    from tests.servers.running import RunningServer
    from tests.servers.wire import Received, Script

FEATURE: Final = "summary"
PROTOCOL_OF: Final = {"acme": "openai_compatible", "nova": "gemini", "opus": "anthropic"}
HOPS: Final = tuple(PROTOCOL_OF)
QUESTION: Final = "What is this about?"
UNGUARDED: Final[Mapping[str, Any]] = {"circuit": "off"}
DOWN: Final = Answer(b'{"error": {"message": "down"}}', status=503)


@dataclass
class ThreeHops:
    """The service, the server, what each provider answers, and the records of calls that have ended."""

    server: RunningServer
    container: Any = None
    answers: dict[str, Script] = field(default_factory=dict)
    records: Queue[CallRecord] = field(default_factory=Queue)
    turn: int = 0
    """Which test it is: the calls of each are their own user's, as a record may be told late."""

    @property
    def service(self) -> LLMService:
        """The container's service."""
        found: LLMService = self.container.llm_service()
        return found

    @property
    def model(self) -> RoutedChatModel:
        """The model that runs the plan."""
        return self.service.get_llm(FEATURE, scope=RequestScope(str(self.turn)))

    def begin(self) -> None:
        """Forget what was seen so far."""
        self.answers, self.turn = {}, self.turn + 1
        self.server.received.clear()
        for seen in (self.server.arrivals, self.server.interruptions, self.server.endings):
            while not seen.empty():
                seen.get_nowait()

    def next_record(self) -> CallRecord:
        """Return the record of this test's next call that has ended."""
        while (record := self.records.get(timeout=PATIENCE_S)).user_id != str(self.turn):
            """It is an earlier test's."""
        return record

    def only(self, hop: int, script: Script = any_model) -> None:
        """Let this hop answer so, and those before it fail."""
        self.answers = dict.fromkeys(HOPS[: hop - 1], lambda _: DOWN) | {HOPS[hop - 1]: script}

    @property
    def asked(self) -> list[str]:
        """The providers that were asked, in order."""
        return [provider_of(received) for received in self.server.received]

    def answer(self, received: Received) -> Answer:
        """Answer for the provider that is asked."""
        return self.answers.get(provider_of(received), any_model)(received)


def provider_of(received: Received) -> str:
    """Return the provider whose address was asked."""
    return received.target.split("/")[1]


def tables(provider: Mapping[str, Any], **row: Any) -> dict[str, Any]:
    """Return a catalog with the one plan; `row` is what is said of its feature, `provider` of providers."""
    first, *others = ({"provider": name, "model": f"model-of-{name}"} for name in HOPS)
    return {
        "providers": {
            name: {
                "protocol": protocol,
                "base_url": "https://elsewhere.example",
                "key_env": f"{name.upper()}_API_KEY",
                **provider,
            }
            for name, protocol in PROTOCOL_OF.items()
        },
        "features": {FEATURE: {"about": "Summarise", **row}},
        "profiles": {"premium": {"routes": {FEATURE: {**first, "fallbacks": others}}}},
    }


@contextmanager
def three_hops(
    clock: Clock | None = None,
    observers: Callable[[ThreeHops], tuple[Callable[[CallRecord], object], ...]] = lambda of: (
        of.records.put,
    ),
    provider: Mapping[str, Any] = UNGUARDED,
    **row: Any,
) -> Iterator[ThreeHops]:
    """Yield the plan, served. When the block has ended, every record was told to the `observers`."""
    served: list[ThreeHops] = []

    def script(received: Received) -> Answer:
        return served[0].answer(received)

    with serving(script) as server:
        served.append(ThreeHops(server))
        variables = {f"{name.upper()}_API_KEY": f"{name}-platform" for name in HOPS}
        for name, protocol in PROTOCOL_OF.items():
            path = "/v1" if protocol == "openai_compatible" else ""
            variables[f"{name.upper()}_BASE_URL"] = f"{server.origin}/{name}{path}"
        parts = {
            "settings": Settings(variables=variables),
            "profile_repository": InMemoryProfileRepository(tables(provider, **row), HONOURS),
            "clock": clock or Sleepless(),
            "call_observers": observers(served[0]),
        }
        with running(Container(**parts)) as container:
            served[0].container = container
            served[0].service.warm_up()  # or the first call's time would be spent on imports
            yield served[0]
