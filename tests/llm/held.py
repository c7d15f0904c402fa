"""Parts with a thread inside that never comes back. Run as a script, it forks: `python -m tests.llm.held`."""

from __future__ import annotations

import faulthandler
import os
import threading
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from google.auth.credentials import Credentials, TokenState
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from app.containers import Container, Remembered
from app.llm import InMemoryProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.spec import ClientSpec
from app.llm.providers.launching import Launchers
from app.llm.providers.vertex import VertexAccessToken
from app.settings import Settings
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES
from tests.servers.running import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.catalog.model import Catalog
    from app.llm.clients.forks import Renewed

    Part = tuple[Renewed, Callable[[], object]]
    """A part, and a use of it, which waits for a thread that is inside."""

SPEC = ClientSpec("openai_compatible", "acme", "https://acme.test/v1", "m", "platform", "bearer")


class FirstWaits:
    """Work that its first caller doesn't finish before the gate is opened; later ones do at once."""

    def __init__(self) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if not self.begun.is_set():
            self.begun.set()
            self.gate.wait()


def cache(work: FirstWaits) -> Part:
    def build(_: ClientSpec) -> FakeListChatModel:
        work()
        return FakeListChatModel(responses=["hi"])

    part = ClientCache(build)
    return part, partial(part.get, SPEC)


class Endpoint:
    """A launcher that works before it has started."""

    work: ClassVar[Callable[[], None]]

    def start(self) -> str:
        type(self).work()
        return "http://127.0.0.1:1/v1"

    def close(self) -> None:
        """Nothing is running."""


def launchers(work: FirstWaits) -> Part:
    Endpoint.work = work
    part = Launchers()
    return part, partial(part.url, f"{Endpoint.__module__}:Endpoint")


def remembered(work: FirstWaits) -> Part:
    def make(_: object) -> str:
        work()
        return "made"

    part = Remembered(make)
    return part, partial(part.get, "of this")


class SlowRepository:
    """A profile repository that works before it answers."""

    def __init__(self, work: FirstWaits) -> None:
        self._work, self._tables = work, InMemoryProfileRepository(TABLES, HONOURS)

    def catalog(self) -> Catalog:
        self._work()
        return self._tables.catalog()


def routing_tables(work: FirstWaits) -> Part:
    container: Any = Container(
        settings=Settings(variables=TABLE_KEYS), profile_repository=SlowRepository(work)
    )
    return container.routing_tables(), container.llm_service


class SlowCredentials(Credentials):
    """Credentials that work before they are renewed."""

    def __init__(self, work: FirstWaits) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._work = work

    @property
    def token_state(self) -> TokenState:
        return TokenState.FRESH if self.token else TokenState.INVALID

    def refresh(self, request: object) -> None:
        self._work()
        self.token = "an-access-token"


def vertex_token(work: FirstWaits) -> Part:
    part = VertexAccessToken(SlowCredentials(work))
    return part, part


PARTS = (cache, launchers, remembered, routing_tables, vertex_token)


def held(make: Callable[[FirstWaits], Part]) -> tuple[Part, FirstWaits]:
    """Return a part while a thread is inside."""
    work = FirstWaits()
    part = make(work)
    threading.Thread(target=part[1], daemon=True).start()
    if not work.begun.wait(PATIENCE_S):
        raise TimeoutError("nobody went inside")
    return part, work


def main() -> None:
    """Fork while threads are inside of all parts: the child uses each, and then the parent does."""
    parts = [held(make) for make in PARTS]
    child = os.fork()
    if not child:
        faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
        try:
            for (_, use), _ in parts:
                use()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whatever it is, the child ends here
            traceback.print_exc()
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    for (_, use), work in parts:
        work.gate.set()
        use()
    raise SystemExit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
