"""Every attribute of the container is a seam that one line replaces, before its first use and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from app.containers import Container, running
from app.errors import ResourceClosed
from app.folders import Conversation, Folder
from app.llm import BYOKResolver, InMemoryProfileRepository, ProviderRegistry, RequestScope
from app.settings import Settings
from tests.llm.services import HONOURS, TABLE_KEYS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm import ClientSpec
    from app.llm.byok.resolver import Choice
    from app.llm.catalog.model import Catalog, Feature

Parts = Any
"""A container: `Container()` returns a dynamic one, whose attributes no type checker knows."""


class OneClient:
    """A client cache that has one client for every spec."""

    def __init__(self, answer: str) -> None:
        self._client = FakeListChatModel(responses=[answer])

    def get(self, spec: ClientSpec) -> FakeListChatModel:
        return self._client

    def close(self) -> None:
        self._client = FakeListChatModel(responses=["closed"])


class PlatformPays(BYOKResolver):
    """A resolver that never looks at a user's keys."""

    def choose(self, catalog: Catalog, feature: Feature, profile: str, keys: frozenset[str] | None) -> Choice:
        return super().choose(catalog, feature, profile, None)


class SpeakingRegistry(ProviderRegistry):
    """A registry whose clients all answer with one text."""

    def build(self, spec: ClientSpec) -> FakeListChatModel:
        return FakeListChatModel(responses=["built by another registry"])


class OneService:
    """A service that has one model for every feature."""

    def get_llm(self, feature: str, **wishes: object) -> FakeListChatModel:
        return FakeListChatModel(responses=[f"another service's {feature}"])


class OneFolder:
    """An assigner that files everything in one place."""

    def assign(self, folders: object, conversation: object) -> str:
        return "the one folder"


def container() -> Parts:
    """A container whose first use has made every part."""
    return Container(
        settings=Settings(variables=TABLE_KEYS),
        profile_repository=InMemoryProfileRepository(TABLES, HONOURS),
        client_cache=OneClient("first"),
    )


def ask(parts: Parts, feature: str = "guard") -> str:
    return str(parts.llm_service().get_llm(feature).invoke("hello").content)


def another_registry(parts: Parts) -> ProviderRegistry:
    return SpeakingRegistry(parts.settings(), parts.transport(), parts.launchers())


def speaks_of_another_registry(parts: Parts) -> bool:
    parts.client_cache.reset_override()
    return ask(parts) == "built by another registry"


SEAMS: dict[str, tuple[Callable[[Parts], object], Callable[[Parts], bool]]] = {
    "settings": (
        lambda _: Settings(model_qos="byok", variables=TABLE_KEYS),
        lambda parts: parts.llm_service().profile == "byok",
    ),
    "profile_repository": (
        lambda _: InMemoryProfileRepository(
            TABLES | {"pinned": {"guard": {"provider": "nova", "model": "comet-9"}}}, HONOURS
        ),
        lambda parts: parts.llm_service().get_model("guard") == "comet-9",
    ),
    "provider_registry": (another_registry, speaks_of_another_registry),
    "byok_resolver": (
        lambda _: PlatformPays(),
        lambda parts: (
            parts.llm_service().plan("chat", RequestScope("a", {"nova": "k"})).first.payer == "platform"
        ),
    ),
    "client_cache": (lambda _: OneClient("second"), lambda parts: ask(parts) == "second"),
    "llm_service": (lambda _: OneService(), lambda parts: ask(parts) == "another service's guard"),
    "folder_assigner": (
        lambda _: OneFolder(),
        lambda parts: (
            parts.folder_assigner().assign([Folder(id="1", name="A")], Conversation(title="t", overview="o"))
            == "the one folder"
        ),
    ),
}


@pytest.mark.parametrize("seam", SEAMS)
@pytest.mark.parametrize("when", ["before its first use", "after its first use"])
def test_one_line_replaces_a_seam(seam: str, when: str) -> None:
    parts = container()
    if when == "after its first use":
        assert ask(parts) == "first"
        parts.folder_assigner()
    replacement, is_seen = SEAMS[seam]

    getattr(parts, seam).override(replacement(parts))

    assert is_seen(parts)


@pytest.mark.parametrize("seam", SEAMS)
def test_a_seam_can_be_given_to_the_constructor(seam: str) -> None:
    replacement = SEAMS[seam][0](container())

    assert getattr(Container(**{seam: replacement}), seam)() is replacement


def test_a_misspelt_seam_fails_loudly() -> None:
    with pytest.raises(AttributeError):
        Container(client_cash=OneClient("never"))


def test_containers_share_nothing() -> None:
    first, second = Container(), Container()
    first.client_cache.override(OneClient("mine"))

    assert first.transport() is not second.transport()
    assert not isinstance(second.client_cache(), OneClient)


def test_what_lasts_is_made_once() -> None:
    parts = Container(settings=Settings(variables=TABLE_KEYS))

    for seam in ("settings", "profile_repository", "provider_registry", "byok_resolver", "client_cache"):
        assert getattr(parts, seam)() is getattr(parts, seam)(), seam


def test_a_closed_container_refuses_new_calls() -> None:
    with running(Container(settings=Settings(variables={"OPENAI_API_KEY": "sk-x"}))) as parts:
        llm = parts.llm_service().get_llm("conv_folder")

    with pytest.raises(ResourceClosed):
        llm.invoke("hello")
