"""The parser of X-BYOK-* headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.errors import InvalidUserKey, ScopeError, UnknownKeyProvider, UserEndpointRefused
from app.llm.byok.headers import KeyHeaders, key_holders
from app.llm.byok.secret_keys import LONGEST_KEY
from tests.llm.services import service, shipped

if TYPE_CHECKING:
    from app.llm import RequestScope
    from app.llm.byok.headers import Headers

PROVIDERS = ("openai", "anthropic", "llama_cpp", "Big-Co")
KEY = "sk-canary-0123456789"
ENDPOINT = {
    "X-BYOK-Endpoint-URL": "https://llm.example/v1",
    "X-BYOK-Endpoint-Model": "own-1",
    "X-BYOK-Endpoint-Key": KEY,
}


def read(headers: Headers, **how: Any) -> RequestScope:
    return KeyHeaders(lambda: PROVIDERS, **how).scope("ada", headers)


def raw(name: str = "x-byok-openai", value: bytes = KEY.encode()) -> tuple[bytes, bytes]:
    return name.encode(), value


def key_of(scope: RequestScope, provider: str) -> str | None:
    found = scope.key(provider)
    return None if found is None else found.get_secret_value()


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("X-BYOK-OpenAI", "openai"),
        ("x-byok-openai", "openai"),
        ("X-BYOK-ANTHROPIC", "anthropic"),
        ("X-BYOK-Llama-Cpp", "llama_cpp"),
        ("X-BYOK-Llama_Cpp", "llama_cpp"),
    ],
)
def test_a_header_is_the_key_of_its_provider_however_it_is_spelt(name: str, provider: str) -> None:
    assert key_of(read({name: KEY}), provider) == KEY
    assert key_of(read([raw(name)]), provider) == KEY


def test_space_around_a_value_is_https_and_not_the_keys() -> None:
    assert key_of(read([raw(value=b" \t" + KEY.encode() + b" ")]), "openai") == KEY


def test_other_headers_are_passed_over() -> None:
    scope = read({"Authorization": f"Bearer {KEY}", "X-BYOKE": KEY, "X-BYOK": KEY, "": KEY})
    assert (scope.user_id, scope.providers, scope.endpoint) == ("ada", frozenset(), None)


def test_without_our_headers_nobody_asks_which_providers_there_are() -> None:
    def never() -> tuple[str, ...]:
        raise AssertionError("asked")

    assert KeyHeaders(never).scope("ada", [(b"host", b"here")]).providers == frozenset()


BAD = {
    "blank": [raw(value=b"")],
    "only space": [raw(value=b" \t ")],
    "too long": [raw(value=b"k" * (LONGEST_KEY + 1))],
    "beyond ASCII": [raw(value="sk-canary-ключ".encode())],
    "beyond ASCII, at its edge": [raw(value=b"\xa0" + KEY.encode())],
    "a control character": [raw(value=KEY.encode() + b"\x1f")],
    "a line break": [raw(value=KEY.encode() + b"\r\nx: y")],
    "a space": [raw(value=KEY.encode() + b" " + KEY.encode())],
    "sent twice": [raw(), raw("X-BYOK-OpenAI")],
    "sent twice, in two spellings": [raw("x-byok-llama-cpp"), raw("x-byok-llama_cpp")],
}
UNKNOWN = {
    "nobody's": [raw("x-byok-nobody")],
    "no name": [raw("x-byok-")],
    "a key for a name": [raw(f"x-byok-{KEY}.{'k' * 9000}", b"openai")],
    "no name at all": [(b"x-byok-\xff\x00\r\n", KEY.encode())],
}


@pytest.mark.parametrize("case", BAD)
def test_R6_a_key_that_cant_be_one_is_an_error_and_never_a_missing_key(case: str) -> None:
    with pytest.raises(InvalidUserKey) as refused:
        read(BAD[case])
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_key_for_nobody_we_know_is_an_error(case: str) -> None:
    with pytest.raises(UnknownKeyProvider) as refused:
        read(UNKNOWN[case])
    assert "canary" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_an_unknown_provider_comes_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownKeyProvider, match=r"'opennai'.*did you mean 'openai'"):
        read({"X-BYOK-Opennai": KEY})


@pytest.mark.parametrize("case", BAD | UNKNOWN)
def test_where_the_setting_says_so_a_bad_header_is_dropped_alone(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    scope = read([*(BAD | UNKNOWN)[case], raw("x-byok-anthropic", b"sk-good")], bad="drop")
    assert scope.providers == {"anthropic"}
    assert "byok_header_dropped" in caplog.text
    assert "canary" not in caplog.text


def test_three_headers_are_an_endpoint_of_the_users_own() -> None:
    endpoint = read(ENDPOINT, endpoints=True).endpoint
    assert endpoint is not None
    assert (endpoint.base_url, endpoint.model) == ("https://llm.example/v1", "own-1")
    assert endpoint.key.get_secret_value() == KEY


@pytest.mark.parametrize("missing", ENDPOINT)
def test_an_endpoint_that_lacks_a_part_is_refused(missing: str) -> None:
    with pytest.raises(UserEndpointRefused, match=missing.replace("URL", "Url") + " is missing"):
        read({name: value for name, value in ENDPOINT.items() if name != missing}, endpoints=True)


def test_an_endpoints_header_that_came_twice_or_beyond_ascii_is_refused() -> None:
    pairs = [raw(name, value.encode()) for name, value in ENDPOINT.items()]
    with pytest.raises(UserEndpointRefused, match="more than once"):
        read([*pairs, pairs[0]], endpoints=True)
    with pytest.raises(UserEndpointRefused, match="ASCII"):
        read([*pairs[1:], raw("x-byok-endpoint-url", "https://bücher.example".encode())], endpoints=True)


@pytest.mark.parametrize(
    ("part", "value"),
    [("X-BYOK-Endpoint-Key", " "), ("X-BYOK-Endpoint-URL", "ftp://x"), ("X-BYOK-Endpoint-Model", "")],
)
def test_R6_an_endpoint_with_a_part_that_cant_be_is_refused(part: str, value: str) -> None:
    with pytest.raises(ScopeError):
        read(ENDPOINT | {part: value}, endpoints=True)


def test_endpoints_are_refused_where_they_are_switched_off_and_dropped_where_bad_headers_are() -> None:
    with pytest.raises(UserEndpointRefused, match="not taken here"):
        read(ENDPOINT)
    dropped = read(ENDPOINT | {"X-BYOK-OpenAI": KEY}, bad="drop")
    assert (dropped.endpoint, set(dropped.providers)) == (None, {"openai"})


def test_known_are_the_providers_of_the_catalog_that_take_a_key_of_their_own() -> None:
    assert set(key_holders(service().catalog)) == {"acme", "nova", "broker"}
    catalog = shipped().catalog
    holders = set(key_holders(catalog))
    assert {"openai", "anthropic", "gemini", "openrouter"} <= holders
    assert not {name for name in holders if catalog.providers[name].keyless}
    assert holders == {catalog.providers[name].key_holder for name in holders}
