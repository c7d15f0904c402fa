"""A user's own endpoint as a value, and in the scope of a request."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidUserKey, UserEndpointRefused
from app.llm import RequestScope, UserEndpoint
from app.llm.byok.endpoint import DEFAULT_ABILITIES
from app.llm.byok.endpoint_url import canonical_url

KEY = "sk-own-canary"


def endpoint(url: str = "https://llm.example/v1", key: str = KEY) -> UserEndpoint:
    return UserEndpoint(url, "home-made", key)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://llm.example", "https://llm.example"),
        ("HTTPS://LLM.Example./v1/", "https://llm.example/v1"),
        ("https://llm.example:443/v1", "https://llm.example/v1"),
        ("http://localhost:80", "http://localhost"),
        ("https://llm.example:8443", "https://llm.example:8443"),
        ("https://[2606:2800:0220::0001]:443/v1", "https://[2606:2800:220::1]/v1"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_endpoint_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert endpoint(written).base_url == kept


@given(st.text(max_size=40))
def test_a_url_is_canonical_or_refused_and_never_repeated(text: str) -> None:
    try:
        spelt = canonical_url(f"https://{text}")
    except UserEndpointRefused as refusal:
        assert len(text) < 8 or text not in str(refusal)  # noqa: PT017 - either is fine, and one must be silent
    else:
        assert canonical_url(spelt) == spelt
        assert spelt.isascii()


def test_its_parts_can_be_read_and_not_changed() -> None:
    one = endpoint()
    assert (one.base_url, one.model, one.key.get_secret_value()) == (
        "https://llm.example/v1",
        "home-made",
        KEY,
    )
    assert one.supports == DEFAULT_ABILITIES
    assert UserEndpoint("https://llm.example", "m", KEY, ["streaming"]).supports == {"streaming"}
    with pytest.raises(AttributeError, match="immutable"):
        one.key = one.key
    with pytest.raises(AttributeError, match="immutable"):
        del one.key


def test_R17_nothing_shows_its_key() -> None:
    one = endpoint()
    scope = RequestScope("ada", endpoint=one)
    assert KEY not in f"{one!r} {one} {scope!r} {one.named!r} {vars(type(one))}"
    assert copy.copy(one) is copy.deepcopy(one) is one
    for secret in (one, scope):
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(secret)


@pytest.mark.parametrize("key", ["", "  ", "a b", "schlüssel", "x" * 5000, "a\nb"])
def test_R6_an_endpoint_without_a_possible_key_isnt_one(key: str) -> None:
    with pytest.raises(InvalidUserKey) as refusal:
        endpoint(key=key)
    assert not key.strip() or key not in str(refusal.value)


@pytest.mark.parametrize("model", ["", "  ", "a\nb", "m" * 300])
def test_a_models_name_has_to_be_one(model: str) -> None:
    with pytest.raises(UserEndpointRefused, match="model's name"):
        UserEndpoint("https://llm.example", model, KEY)


def test_an_unknown_ability_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UserEndpointRefused, match="did you mean 'streaming'"):
        UserEndpoint("https://llm.example", "m", KEY, ["steaming"])


def test_endpoints_are_compared_with_their_keys() -> None:
    assert endpoint() == endpoint("https://LLM.example:443/v1/")
    assert hash(endpoint()) == hash(endpoint(key="other"))
    assert endpoint() != endpoint(key="other")
    assert endpoint() != "https://llm.example/v1"


def test_scopes_with_other_endpoints_are_other_scopes() -> None:
    plain, own = RequestScope("ada"), RequestScope("ada", endpoint=endpoint())
    assert plain != own
    assert own == plain.with_endpoint(endpoint())
    assert own.with_endpoint(None) == plain
    assert own != plain.with_endpoint(endpoint(key="other"))
    assert not RequestScope(endpoint=endpoint()).anonymous
    assert "https://llm.example/v1" in repr(own)
