"""Parts of the layer, each with work in the middle of its use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from google.auth.credentials import Credentials, TokenState
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from app.containers import Container
from app.llm import InMemoryProfileRepository
from app.llm.catalog.repository import TomlProfileRepository
from app.llm.clients.cache import ClientCache
from app.llm.clients.spec import ClientSpec
from app.llm.parts import Remembered
from app.llm.providers.launching import Launchers
from app.llm.providers.vertex import VertexAccessToken
from app.settings import Settings
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.catalog.model import Catalog
    from app.llm.catalog.options import Honoured
    from tests.llm.forks.holding import FirstWaits, Part

SPEC = ClientSpec("openai_compatible", "acme", "https://acme.test/v1", "m", "platform", "bearer")


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


class SlowHonours(dict[str, "Honoured"]):
    """What protocols honour; it works before it answers."""

    def __init__(self, work: FirstWaits) -> None:
        super().__init__(HONOURS)
        self._work = work

    def __contains__(self, protocol: object) -> bool:
        self._work()
        return super().__contains__(protocol)


def toml_repository(work: FirstWaits) -> Part:
    part = TomlProfileRepository(SlowHonours(work))
    return part, part.catalog


LLM_PARTS = (cache, launchers, remembered, routing_tables, vertex_token, toml_repository)
