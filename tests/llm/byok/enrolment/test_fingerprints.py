"""Fingerprints and peppers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.errors import SettingsError
from app.llm.byok.enrolment.fingerprints import Fingerprint, Peppers
from tests.llm.byok.enrolment.peppers import NEW, OLD, peppers

PARTS = st.lists(st.text(max_size=20), min_size=1, max_size=3).map(tuple)


def test_a_fingerprint_is_recognised_and_no_other_key_or_provider_is() -> None:
    mine = peppers()
    fingerprint = mine.fingerprint("acme", "sk-ada")
    assert mine.match(fingerprint, "acme", "sk-ada")
    assert not mine.match(fingerprint, "acme", "sk-eve")
    assert not mine.match(fingerprint, "nova", "sk-ada")


@given(PARTS, PARTS)
def test_two_lists_of_parts_have_two_fingerprints(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    same = peppers().fingerprint(*one) == peppers().fingerprint(*other)
    assert same == (one == other)


def test_the_first_pepper_makes_fingerprints_and_all_of_them_recognise() -> None:
    older = peppers(old=OLD).fingerprint("acme", "sk-ada")
    both = peppers(new=NEW, old=OLD)
    assert both.fingerprint("acme", "sk-ada").pepper == "new"
    assert both.match(older, "acme", "sk-ada")


def test_a_fingerprint_of_a_pepper_that_is_gone_matches_nothing() -> None:
    older = peppers(old=OLD).fingerprint("acme", "sk-ada")
    assert not peppers(new=NEW).knows(older)
    assert not peppers(new=NEW).match(older, "acme", "sk-ada")
    # Not even if somebody wrote the right digest under a pepper's name that nobody knows.
    digest = peppers(new=NEW).fingerprint("acme", "sk-ada").digest
    assert not peppers(new=NEW).match(Fingerprint("gone", digest), "acme", "sk-ada")


def test_a_stored_text_that_is_no_digest_matches_nothing() -> None:
    assert not peppers().match(Fingerprint("new", "nønsense"), "acme", "sk-ada")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs a pepper"),
        ({"a": SecretStr("too short")}, "'a' is shorter than 16"),
        ({"": NEW}, "a pepper's name"),
        ({"n" * 65: NEW}, "a pepper's name"),
    ],
)
def test_a_pepper_that_cant_be_a_secret_is_an_error_at_start(given: dict[str, SecretStr], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        Peppers(given)
    assert "too short" not in str(refused.value)


def test_no_repr_shows_a_pepper_or_a_whole_digest() -> None:
    mine = peppers(new=NEW, old=OLD)
    fingerprint = mine.fingerprint("acme", "sk-ada")
    assert repr(mine) == "Peppers(new, old)"
    assert fingerprint.digest not in repr(fingerprint)
