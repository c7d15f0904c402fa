"""What filing does where no model answers, and who hears of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.containers import Container
from app.containers import running as open_container
from app.errors import CatalogError, MalformedResponse, ProviderUnavailable
from app.folders import Conversation, Folder
from app.folders.last_resort import CATEGORY_OR_DEFAULT, LAST_RESORTS
from app.llm import InMemoryProfileRepository
from app.settings import Settings
from tests.folders.client_cache import answer
from tests.llm.clocks import Sleepless
from tests.llm.services import HONOURS
from tests.servers.models import openai_body
from tests.servers.running import running
from tests.servers.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.folders import Assignment, FolderAssigner
    from tests.servers.wire import Received, Script

FOLDERS = [
    Folder(id="id-of-work", name="Work", category_mapping="work"),
    Folder(id="id-of-home", name="Home", is_default=True),
]
TALK = Conversation(title="Quarterly figures", overview="They rise", category="work")
DOWN = Answer(b"{}", 503)


def tables(last_resort: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"about": "File", "needs": ["structured_output"]}
    if last_resort is not None:
        row["last_resort"] = last_resort
    provider = {"protocol": "openai_compatible", "base_url": "https://a.example", "circuit": "off"}
    fallback = {"provider": "nova", "model": "comet-1"}
    route = {"provider": "acme", "model": "swift-1", "fallbacks": [fallback]}
    return {
        "providers": {name: provider | {"key_env": f"{name.upper()}_API_KEY"} for name in ("acme", "nova")},
        "features": {"conv_folder": row},
        "profiles": {"premium": {"routes": {"conv_folder": route}}},
    }


@contextmanager
def assigner(script: Script, last_resort: str | None = CATEGORY_OR_DEFAULT) -> Iterator[FolderAssigner]:
    with running(script) as server:
        variables = {f"{name}_API_KEY": "a-key" for name in ("ACME", "NOVA")}
        variables |= {f"{name}_BASE_URL": server.origin for name in ("ACME", "NOVA")}
        repository = InMemoryProfileRepository(tables(last_resort), HONOURS, last_resorts=LAST_RESORTS)
        settings = Settings(variables=variables)
        made = Container(settings=settings, profile_repository=repository, clock=Sleepless())
        with open_container(made) as parts:
            yield parts.folder_assigner()


async def assignments(script: Script) -> list[Assignment]:
    with assigner(script) as asked:
        return [asked.assign(FOLDERS, TALK), await asked.aassign(FOLDERS, TALK)]


async def test_where_every_hop_fails_the_folder_of_the_category_is_taken_and_says_why() -> None:
    for assignment in await assignments(lambda _: DOWN):
        assert (assignment.folder_id, assignment.status) == ("id-of-work", "model_failed_category_matched")
        assert (assignment.degraded_because, assignment.failure) == ("overloaded", "overloaded")


async def test_an_answer_of_a_later_hop_says_why_the_first_did_not_give_it() -> None:
    def script(received: Received) -> Answer:
        return Answer(openai_body(answer("f2"))) if received.json["model"] == "comet-1" else DOWN

    for assignment in await assignments(script):
        assert (assignment.folder_id, assignment.status) == ("id-of-home", "accepted")
        assert (assignment.degraded_because, assignment.failure) == ("overloaded", None)


async def test_an_answer_of_the_first_hop_is_not_degraded() -> None:
    for assignment in await assignments(lambda _: Answer(openai_body(answer("f2")))):
        assert assignment.degraded_because is None


async def test_without_a_last_resort_a_failed_plan_is_an_error() -> None:
    with assigner(lambda _: DOWN, last_resort=None) as asked:
        with pytest.raises(ProviderUnavailable):
            asked.assign(FOLDERS, TALK)
        with pytest.raises(ProviderUnavailable):
            await asked.aassign(FOLDERS, TALK)


def test_without_a_last_resort_an_answer_that_cannot_be_used_is_an_error() -> None:
    beyond = lambda _: Answer(openai_body(answer("f1", 17)))  # noqa: E731 - one answer
    with assigner(beyond, last_resort=None) as asked, pytest.raises(MalformedResponse):
        asked.assign(FOLDERS, TALK)


def test_a_last_resort_that_nobody_knows_is_an_error_at_load() -> None:
    with pytest.raises(CatalogError, match="category_or_default_folder"):
        InMemoryProfileRepository(tables("category_or_default_foldr"), HONOURS, last_resorts=LAST_RESORTS)
