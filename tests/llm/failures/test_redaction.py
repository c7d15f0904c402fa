"""What is kept of a provider's words."""

from __future__ import annotations

import string
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.clients.door import KEY_IS_ATTACHED_BY_THE_TRANSPORT
from app.llm.failures.redaction import INERT_MARKER, SHORTEST_FRAGMENT, safe_word, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = st.text(string.ascii_letters + string.digits + "-_./+=", min_size=SHORTEST_FRAGMENT, max_size=80)
TEXTS = st.text(max_size=60)


@given(before=TEXTS, key=KEYS, after=TEXTS)
def test_R17_a_key_is_cut_out_of_any_text_whole_or_in_part(before: str, key: str, after: str) -> None:
    shown = without_secrets(f"{before}{key} {quote(key, safe='')} {key[1:]}{after}", key)

    pieces = (key[at : at + SHORTEST_FRAGMENT] for at in range(len(key) - SHORTEST_FRAGMENT + 1))
    assert not any(piece in shown for piece in pieces)


@pytest.mark.parametrize(
    "encoded",
    [
        str.lower,
        str.upper,
        lambda key: key.encode().hex(),
        lambda key: key.encode().hex().upper(),
        lambda key: b64encode(key.encode()).decode(),
        lambda key: b64encode(f"u:{key}".encode()).decode(),
        lambda key: urlsafe_b64encode(f"user:{key}!".encode()).decode(),
    ],
)
def test_R17_a_key_is_cut_out_in_any_case_and_in_the_usual_encodings(encoded: Callable[[str], str]) -> None:
    key = "k1LLm3-S3cr3t-0001.ZZ"
    said = encoded(key)

    assert said[6:18] not in without_secrets(f"no: {said}, {said[3:]}", key)
    assert safe_word(said[:64], key) is None


def test_R17_a_letter_that_is_two_in_lower_case_moves_nothing() -> None:
    assert without_secrets("İİİ k1llm3-s3cr3t-0001 İ", "k1llm3-s3cr3t-0001") == "İİİ [cut] İ"


@given(key=st.text(string.ascii_letters, min_size=1, max_size=5))
def test_R17_a_short_key_too(key: str) -> None:
    assert key not in without_secrets(f"({key})", key).replace("[cut]", "")


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abc123DEF456",
        "sk-ant-api03-abcdefgh",
        "sk-or-v1-0123456789",
        "sk-proj-********wxyz",
        "AIzaSyA-1234567890abcdefghijklmnopqrstu",
        "gsk_0123456789abcdef",
        "xai-0123456789abcdef",
        "ya29.a0AfH6SMBx",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
def test_R17_what_looks_like_a_key_is_cut_even_if_it_is_not_the_one_in_use(secret: str) -> None:
    assert secret not in without_secrets(f"wrong: {secret}!", None)
    assert safe_word(secret, None) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc", "Authorization: Bearer [cut]"),
        ("your API key 0123456789abcdef0123 is off", "your API key [cut] is off"),
        ("the token: 'QUJDREVGR0hJSktMTU5P'", "the token: '[cut]'"),
        (f"key {INERT_MARKER}", "key [cut]"),
        ("the key is wrong", "the key is wrong"),
        ("model swift-1 does not exist", "model swift-1 does not exist"),
    ],
)
def test_R17_a_run_of_letters_beside_the_word_key_is_cut(text: str, shown: str) -> None:
    assert without_secrets(text, None) == shown


def test_the_marker_is_the_one_that_the_clients_hold() -> None:
    assert INERT_MARKER == KEY_IS_ATTACHED_BY_THE_TRANSPORT


def test_a_message_is_of_bounded_length() -> None:
    assert len(without_secrets("no " * 10_000, "k" * 20)) == 500


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("insufficient_quota", True),
        ("models/comet-2:7", False),
        ("RESOURCE_EXHAUSTED", True),
        ("req_011CQzZ.a-b:c", True),
        ("two words", False),
        ("", False),
        ("x" * 65, False),
        ("k1llm3-s3cr3t-0001", False),
        ("xx-k1llm3-s3cr3t-00", False),
        ("key-is-attached-by-the-transport", False),
    ],
)
def test_R17_a_code_is_kept_if_it_looks_like_one_and_is_no_key(word: str, *, kept: bool) -> None:
    assert safe_word(word, "k1llm3-s3cr3t-0001") == (word if kept else None)
