"""The filing policy, case by case, and what holds in every case."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.folders import Folder, FolderPolicy
from app.folders.policy import fallback

WORK = Folder(id="w", name="Work", category_mapping="work")
INBOX = Folder(id="i", name="Inbox", is_default=True)
TRIPS = Folder(id="t", name="Trips")
POLICY = FolderPolicy()

folders = st.builds(
    Folder,
    id=st.text(min_size=1, max_size=3),
    name=st.text(max_size=3),
    is_default=st.booleans(),
    category_mapping=st.sampled_from([None, "work", "food", ""]),
)
confidences = st.floats(0, 1)
categories = st.sampled_from([None, "", "work", "food", "other"])


@pytest.mark.parametrize(
    ("given_folders", "category", "chosen", "confidence", "expected"),
    [
        ([WORK, INBOX, TRIPS], "work", TRIPS, 0.9, (TRIPS, 0.9, "accepted", "model")),
        ([WORK, INBOX, TRIPS], "work", TRIPS, 0.7, (TRIPS, 0.7, "accepted", "model")),
        ([WORK, INBOX], "work", TRIPS, 0.69, (WORK, 0.69, "low_confidence_category_matched", "fallback")),
        ([WORK, INBOX], "food", TRIPS, 0.0, (INBOX, 0.0, "low_confidence_defaulted", "fallback")),
        ([WORK, TRIPS], "food", TRIPS, 0.2, (TRIPS, 0.2, "low_confidence_accepted", "model")),
        ([WORK, INBOX], "work", None, 0.9, (WORK, 0.3, "invalid_folder_id_category_matched", "fallback")),
        ([WORK, INBOX], None, None, 0.9, (INBOX, 0.3, "invalid_folder_id_defaulted", "fallback")),
        ([WORK, TRIPS], None, None, 0.9, (None, 0.3, "invalid_folder_id_unfiled", "nobody")),
    ],
)
def test_the_verdict_on_an_answer(
    given_folders: list[Folder],
    category: str | None,
    chosen: Folder | None,
    confidence: float,
    expected: tuple[object, ...],
) -> None:
    verdict = POLICY.judge(given_folders, category, chosen, confidence)
    assert (*verdict, verdict.answered_by) == expected


@pytest.mark.parametrize(
    ("given_folders", "category", "expected"),
    [
        ([INBOX, WORK], "work", (WORK, 0.0, "model_failed_category_matched")),
        ([WORK, INBOX], "food", (INBOX, 0.0, "model_failed_defaulted")),
        ([WORK, TRIPS], "food", (None, 0.0, "model_failed_unfiled")),
    ],
)
def test_the_verdict_without_an_answer(
    given_folders: list[Folder], category: str, expected: tuple[object, ...]
) -> None:
    assert POLICY.without_answer(given_folders, category) == expected


@pytest.mark.parametrize("category", ["work", " Work ", "WORK"])
def test_categories_are_compared_without_case_and_blanks(category: str) -> None:
    assert fallback([INBOX, WORK], category).folder is WORK


@pytest.mark.parametrize("mapping", ["", " "])
def test_a_blank_category_is_home_to_nothing(mapping: str) -> None:
    folder = Folder(id="b", name="Blank", category_mapping=mapping)
    assert fallback([folder], mapping) == (None, "unfiled")


def test_the_first_of_several_homes_and_of_several_defaults_is_taken() -> None:
    other = Folder(id="o", name="Other", is_default=True, category_mapping="work")
    assert fallback([WORK, other], "work").folder is WORK
    assert fallback([INBOX, other], "food").folder is INBOX


@given(st.lists(folders, min_size=1), categories, st.data(), confidences, confidences)
def test_a_verdict_is_one_of_the_users_folders_or_none(
    given_folders: list[Folder],
    category: str | None,
    data: st.DataObject,
    confidence: float,
    threshold: float,
) -> None:
    chosen = data.draw(st.sampled_from([None, *given_folders]))
    policy = FolderPolicy(threshold=threshold)
    for verdict in (
        policy.judge(given_folders, category, chosen, confidence),
        policy.without_answer(given_folders, category),
    ):
        assert verdict.folder is None or any(verdict.folder is folder for folder in given_folders)
        assert 0 <= verdict.confidence <= 1
        assert (verdict.folder is None) == verdict.status.endswith("_unfiled")
        assert (verdict.answered_by == "model") == verdict.status.endswith("accepted")


@given(st.lists(folders, min_size=1), categories, confidences, confidences)
def test_the_threshold_is_strict(
    given_folders: list[Folder], category: str | None, confidence: float, threshold: float
) -> None:
    assume(fallback(given_folders, category).folder is not None)
    verdict = FolderPolicy(threshold=threshold).judge(given_folders, category, given_folders[0], confidence)
    assert (verdict.status == "accepted") == (confidence >= threshold)


@pytest.mark.parametrize("number", [-0.1, 1.1, float("nan")])
def test_a_number_that_is_no_probability_is_refused(number: float) -> None:
    with pytest.raises(ValidationError):
        FolderPolicy(threshold=number)
