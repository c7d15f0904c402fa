"""A request scope holds secrets, and never shows or loses one."""

from __future__ import annotations

import asyncio
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidUserKey
from app.llm import RequestScope, current_scope, request_scope

SECRET = "sk-canary-4711"


def test_no_rendering_of_a_scope_shows_a_key() -> None:
    scope = RequestScope("ada", {"openai": SECRET})

    for text in (repr(scope), str(scope), f"{scope}", repr(scope.key("openai")), repr([scope])):
        assert SECRET not in text


def test_a_scope_can_not_be_pickled_and_copies_are_itself() -> None:
    scope = RequestScope("ada", {"openai": SECRET})

    with pytest.raises(TypeError, match="holds secrets"):
        pickle.dumps(scope)
    assert copy.copy(scope) is scope
    assert copy.deepcopy(scope) is scope


def test_a_scope_is_immutable() -> None:
    scope = RequestScope("ada", {"openai": SECRET})

    with pytest.raises(AttributeError, match="immutable"):
        scope.user_id = "eve"


@given(st.text(alphabet=" \t\r\n\x0b\x0c\u00a0\u2003", max_size=8))
def test_a_blank_key_is_an_error_and_never_a_missing_one(blank: str) -> None:
    with pytest.raises(InvalidUserKey, match="blank"):
        RequestScope("ada", {"openai": blank})


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("sk-ключ", "no key has"),
        ("sk one", "no key has"),
        ("sk\x00", "no key has"),
        ("x" * 5000, "longer than"),
        (7, "not a text"),
    ],
)
def test_an_impossible_key_is_an_error_that_does_not_repeat_it(key: str, reason: str) -> None:
    with pytest.raises(InvalidUserKey, match=reason) as caught:
        RequestScope("ada", {"openai": key})

    assert str(key) not in str(caught.value)


def test_white_space_around_a_pasted_key_is_no_part_of_it() -> None:
    key = RequestScope("ada", {"OpenAI ": f" {SECRET}\n"}).key("openai")

    assert key is not None
    assert key.get_secret_value() == SECRET


def test_the_ambient_scope_ends_with_its_block_even_after_an_error() -> None:
    scope = RequestScope("ada")

    def request() -> None:
        with request_scope(scope):
            assert current_scope() is scope
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        request()
    assert current_scope() is None


async def test_requests_that_run_at_once_each_see_their_own_scope() -> None:
    both_inside = asyncio.Barrier(2)

    async def request(name: str) -> str | None:
        with request_scope(RequestScope(name)):
            await both_inside.wait()
            scope = current_scope()
            return scope.user_id if scope else None

    assert list(await asyncio.gather(request("ada"), request("eve"))) == ["ada", "eve"]


def test_a_new_thread_starts_without_a_scope() -> None:
    with request_scope(RequestScope("ada")), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current_scope).result() is None
