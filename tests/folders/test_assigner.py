"""FolderAssigner over the whole container, with a scripted model behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import FeatureUnavailable, MissingPlatformKey, UserKeyRejected
from app.folders import Conversation, Folder, FolderAssigner, FolderPolicy
from app.folders.models import Tokens
from app.llm import RequestScope, request_scope
from tests.folders.client_cache import ScriptedClientCache, answer, container_of

if TYPE_CHECKING:
    from pathlib import Path

    from app.folders import Assignment

FOLDERS = [
    Folder(id="w-1", name="Work", category_mapping="work"),
    Folder(id="t-2", name="Trips"),
    Folder(id="i-3", name="Inbox", is_default=True),
]
TALK = Conversation(title="Trains", overview="Night trains to Vienna", category="travel")
USER = RequestScope(user_id="ada", keys={"openai": "sk-of-ada"})


class RefusedByServer(Exception):
    """What an SDK raises, as far as anybody looks at it."""

    def __init__(self, status: int) -> None:
        super().__init__("secret words of the server")
        self.status_code = status


def raising(error: Exception) -> ScriptedClientCache:
    def says(_: str) -> str:
        raise error

    return ScriptedClientCache(says)


def assigner_over(cache: ScriptedClientCache, **settings: Any) -> FolderAssigner:
    assigner: FolderAssigner = container_of(cache, **settings).folder_assigner()
    return assigner


@pytest.fixture(params=["assign", "aassign"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def assigned(
    way: str, assigner: FolderAssigner, folders: list[Folder] = FOLDERS, scope: RequestScope | None = None
) -> Assignment:
    if way == "assign":
        return await asyncio.to_thread(assigner.assign, folders, TALK, scope=scope)
    return await assigner.aassign(folders, TALK, scope=scope)


async def test_the_models_choice_comes_back_with_the_users_own_id(way: str) -> None:
    assignment = await assigned(way, assigner_over(ScriptedClientCache(lambda _: answer("f2", 0.8))))
    assert (assignment.folder_id, assignment.folder_name) == ("t-2", "Trips")
    assert (assignment.status, assignment.confidence, assignment.answered_by) == ("accepted", 0.8, "model")
    assert assignment.tokens == Tokens(read=10, written=2)
    assert assignment.reasoning == "it fits"
    assert assignment.failure is None


async def test_a_low_confidence_goes_to_the_fallback(way: str) -> None:
    assignment = await assigned(way, assigner_over(ScriptedClientCache(lambda _: answer("f2", 0.4))))
    assert (assignment.folder_id, assignment.status) == ("i-3", "low_confidence_defaulted")
    assert assignment.answered_by == "fallback"


async def test_the_policy_can_be_another_one(way: str) -> None:
    container = container_of(ScriptedClientCache(lambda _: answer("f2", 0.4)))
    assert (await assigned(way, container.folder_assigner())).status == "low_confidence_defaulted"
    container.folder_policy.override(FolderPolicy(threshold=0.4))
    assert (await assigned(way, container.folder_assigner())).status == "accepted"
    by_hand = FolderAssigner(container.llm_service(), FolderPolicy(threshold=0.41))
    assert (await assigned(way, by_hand)).status == "low_confidence_defaulted"


async def test_nobody_is_asked_without_folders(way: str) -> None:
    cache = ScriptedClientCache(str)
    assignment = await assigned(way, assigner_over(cache, variables={}), folders=[])
    assert (assignment.status, assignment.folder_id, assignment.confidence) == ("no_folders", None, 0.0)
    assert assignment.answered_by == "nobody"
    assert cache.heard == []


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (RefusedByServer(400), "invalid_request"),
        (RefusedByServer(401), "auth"),
        (ValueError("secret words of a parser"), "malformed_response"),
        (KeyError("choices"), "unknown"),
    ],
)
async def test_a_model_that_fails_is_replaced_by_the_fallback_and_its_words_are_kept_out(
    way: str, error: Exception, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    assignment = await assigned(way, assigner_over(raising(error)))
    assert (assignment.folder_id, assignment.status) == ("i-3", "model_failed_defaulted")
    assert (assignment.confidence, assignment.failure, assignment.reasoning) == (0.0, failure, "")
    assert "secret words" not in assignment.model_dump_json()
    assert f"event=folder_model_failed failure={failure}" in caplog.text
    assert "secret words" not in caplog.text


@pytest.mark.parametrize("text", ["I'd say Trips", '{"folder_id": "f2", "confidence": 1e15}', "{}"])
async def test_an_answer_that_cannot_be_used_is_a_failure_of_the_model(way: str, text: str) -> None:
    assignment = await assigned(way, assigner_over(ScriptedClientCache(lambda _: text)))
    assert (assignment.status, assignment.failure) == ("model_failed_defaulted", "malformed_response")
    assert assignment.tokens == Tokens(read=10, written=2)


async def test_a_missing_key_is_no_failure_of_the_model(way: str) -> None:
    with pytest.raises(MissingPlatformKey, match="OPENAI_API_KEY"):
        await assigned(way, assigner_over(ScriptedClientCache(str), variables={}))


async def test_an_unavailable_feature_is_no_failure_of_the_model(way: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[profiles.local.unavailable]\nconv_folder = "not here"\n')
    with pytest.raises(FeatureUnavailable, match="not here"):
        await assigned(way, assigner_over(ScriptedClientCache(str), catalog=tmp_path, model_qos="local"))


async def test_a_users_refused_key_is_never_hidden_behind_a_fallback_folder(way: str) -> None:
    with pytest.raises(UserKeyRejected):
        await assigned(way, assigner_over(raising(RefusedByServer(401))), scope=USER)


async def test_the_scope_of_the_request_decides_who_pays(way: str) -> None:
    cache = ScriptedClientCache(lambda _: answer("f2"))
    assigner = assigner_over(cache)
    await assigned(way, assigner)
    assert {spec.payer for spec in cache.specs} == {"platform"}
    cache.specs.clear()
    await assigned(way, assigner, scope=USER)
    with request_scope(USER):
        await assigned(way, assigner)
    assert {spec.payer for spec in cache.specs} == {"user"}


async def test_folders_with_the_same_id_and_name_are_no_trouble(way: str) -> None:
    twins = [FOLDERS[1], FOLDERS[1], FOLDERS[1]]
    assignment = await assigned(
        way, assigner_over(ScriptedClientCache(lambda _: answer("f3"))), folders=twins
    )
    assert (assignment.folder_id, assignment.status) == ("t-2", "accepted")
