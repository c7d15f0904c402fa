"""What the demo's sample promises: enough variety to be worth watching, and labels that can be right."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]

LONG = 600


@pytest.fixture(scope="module")
def rows(project_root: Path) -> list[Row]:
    text = (project_root / "samples" / "conversations.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_has_the_fields_that_filing_reads(rows: list[Row]) -> None:
    for row in rows:
        assert {
            "id",
            "user_id",
            "language",
            "user_folders",
            "conversation",
            "expected_folder_id",
        } <= row.keys()
        assert row["conversation"].keys() == {"title", "overview", "category"}
        for folder in row["user_folders"]:
            assert folder.keys() == {"id", "name", "description", "is_default", "category_mapping"}


def test_ids_and_texts_are_unique(rows: list[Row]) -> None:
    for unique in (
        [row["id"] for row in rows],
        [row["conversation"]["title"] for row in rows],
        [row["conversation"]["overview"] for row in rows],
    ):
        assert len(unique) == len(set(unique))


def test_folder_ids_are_uuids_that_belong_to_one_user(rows: list[Row]) -> None:
    owners = {(folder["id"], row["user_id"]) for row in rows for folder in row["user_folders"]}
    assert len({folder_id for folder_id, _ in owners}) == len(owners)
    assert all(UUID(folder_id).version == 4 for folder_id, _ in owners)


def test_a_user_has_one_folder_list_with_at_most_one_default_and_one_home_for_a_category(
    rows: list[Row],
) -> None:
    lists: dict[str, list[Row]] = {}
    for row in rows:
        folders = lists.setdefault(row["user_id"], row["user_folders"])
        assert folders == row["user_folders"]
        assert sum(folder["is_default"] for folder in folders) <= 1
        homes = Counter(folder["category_mapping"] for folder in folders if folder["category_mapping"])
        assert max(homes.values(), default=1) == 1
    assert len(lists) >= 5
    assert all(not folders or 4 <= len(folders) <= 10 for folders in lists.values())


def test_the_expected_folder_is_one_of_the_users_or_none_where_there_are_no_folders(rows: list[Row]) -> None:
    for row in rows:
        ids = {folder["id"] for folder in row["user_folders"]}
        assert row["expected_folder_id"] in (ids or {None})


def test_some_conversations_fit_nowhere_and_one_user_has_no_folders(rows: list[Row]) -> None:
    default = [f["id"] for row in rows for f in row["user_folders"] if f["is_default"]]
    assert sum(row["expected_folder_id"] in default for row in rows) >= 3
    assert sum(not row["user_folders"] for row in rows) == 1


def test_two_conversations_try_to_inject_an_answer_that_is_not_the_expected_one(rows: list[Row]) -> None:
    injections = [row for row in rows if row.get("injection")]
    assert len(injections) == 2
    for row in injections:
        keys = {f"f{place}": folder["id"] for place, folder in enumerate(row["user_folders"], start=1)}
        named = [folder_id for key, folder_id in keys.items() if key in row["conversation"]["overview"]]
        assert named
        assert row["expected_folder_id"] not in named


def test_there_are_many_languages_and_both_questions_and_dialogues(rows: list[Row]) -> None:
    assert 25 <= len(rows) <= 40
    assert len({row["language"] for row in rows}) >= 7
    overviews = [row["conversation"]["overview"] for row in rows]
    assert sum(len(text) >= LONG for text in overviews) >= 3
    assert sum("\n" not in text and len(text) <= 120 for text in overviews) >= 5
