"""The X-BYOK-* headers of a request, and the scope that they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from pydantic import SecretStr

from app.errors import InvalidUserKey, ScopeError, UnknownKeyProvider, UserEndpointRefused
from app.llm.byok.endpoint import UserEndpoint
from app.llm.byok.scope import RequestScope
from app.llm.byok.secret_keys import checked_key
from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from app.llm.catalog.model import Catalog

    RawHeader = tuple[bytes, bytes]
    Headers = Mapping[str, str] | Iterable[RawHeader]

PREFIX: Final = b"x-byok-"
ENDPOINT_PARTS: Final = ("endpoint_url", "endpoint_model", "endpoint_key")
"""What is left of the three headers of a user's own endpoint, in the order of their use."""
SENT_TWICE = "was sent more than once"
NOT_ASCII = "holds characters that no key has: keys are printable ASCII without spaces"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LENGTH = len(PREFIX)


def ours(headers: Headers) -> list[RawHeader]:
    """Return the X-BYOK-* headers among these. ASGI's raw pairs or any mapping; case doesn't count."""
    if isinstance(headers, Mapping):
        prefix = PREFIX.decode()
        return [
            (name.encode("utf-8", "replace"), value.encode("utf-8", "replace"))
            for name, value in headers.items()
            if name[:_LENGTH].lower() == prefix
        ]
    return [
        header for header in headers if header[0][:_LENGTH].lower() == PREFIX
    ]  # is_ours, without its call


def is_ours(name: bytes) -> bool:
    """Whether this is the name of an X-BYOK-* header."""
    return name[:_LENGTH].lower() == PREFIX


def text_of(provider: str, key: str | SecretStr) -> str:
    """Return the text of a key.

    :raises InvalidUserKey: it is no text at all.
    """
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    if not isinstance(text, str):
        raise InvalidUserKey(provider, f"is a {type(text).__name__}, not a text")
    return text


def key_holders(catalog: Catalog) -> tuple[str, ...]:
    """Return the providers that a user can hold a key of: those that take a key of their own."""
    rows = catalog.providers.values()
    return tuple(row.name for row in rows if not row.keyless and row.key_holder == row.name)


class KeyHeaders:
    """The one parser of what users send. `providers` says at each request which providers are known.

    `bad` says whether a header that can't be used refuses the request or is dropped; `endpoints`, whether
    a request may name an endpoint of the user's own.
    """

    def __init__(
        self,
        providers: Callable[[], Iterable[str]],
        *,
        bad: Literal["refuse", "drop"] = "refuse",
        endpoints: bool = False,
    ) -> None:
        self._providers, self._bad, self._endpoints = providers, bad, endpoints

    def scope(
        self, user_id: str | None, headers: Headers, endpoint: UserEndpoint | None = None
    ) -> RequestScope:
        """Return the scope that these headers say; headers that aren't ours are passed over.

        `endpoint` is one that was named otherwise than by headers.

        :raises InvalidUserKey: a key is blank, too long, sent twice, or no printable ASCII.
        :raises UnknownKeyProvider: a header names a provider that takes no key here.
        :raises UserEndpointRefused: an endpoint that is incomplete, unfit, or not taken here.
        """
        found = _by_name(ours(headers))
        if not found:
            return RequestScope(user_id, endpoint=endpoint)
        named = self._endpoint([found.pop(part, []) for part in ENDPOINT_PARTS])
        if named is not None and endpoint is not None:
            raise UserEndpointRefused("it was named twice")
        return RequestScope(user_id, self._keys(found), endpoint or named)

    def _keys(self, found: Mapping[str, Sequence[bytes]]) -> dict[str, SecretStr]:
        known = {_plain(name): name for name in self._providers()}
        keys = {}
        for name, values in found.items():
            try:
                provider = known.get(name)
                if provider is None:
                    raise UnknownKeyProvider(_readable(name), known.values())
                keys[provider] = checked_key(provider, _only(provider, values))
            except ScopeError as error:
                self._refuse_or_drop(error)
        return keys

    def _endpoint(self, parts: Sequence[Sequence[bytes]]) -> UserEndpoint | None:
        if not any(parts):
            return None
        try:
            if not self._endpoints:
                raise UserEndpointRefused("endpoints of users' own are not taken here")
            return _built(parts)
        except ScopeError as error:
            self._refuse_or_drop(error)
            return None

    def _refuse_or_drop(self, error: ScopeError) -> None:
        if self._bad == "refuse":
            raise error
        logger().info("byok_header_dropped", problem=str(error))


def _by_name(headers: Iterable[RawHeader]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(_plain(name[_LENGTH:].decode("latin-1")), []).append(value)
    return found


def _plain(name: str) -> str:
    """Return a name as headers are compared: many proxies refuse underscores, so a hyphen stands for one."""
    return name.strip().lower().replace("-", "_")


def _readable(name: str) -> str:
    # Who puts the key into the header's name by mistake must not find it in a log.
    return name if _NAME.fullmatch(name) else "a name that no provider has"


def _only(provider: str, values: Sequence[bytes]) -> str:
    """Return the only value as text, without the space that HTTP allows around it."""
    if len(values) > 1:
        raise InvalidUserKey(provider, SENT_TWICE)
    text = values[0].strip(b" \t").decode("latin-1")
    if text != text.strip():
        raise InvalidUserKey(provider, NOT_ASCII)
    return text


def _built(parts: Sequence[Sequence[bytes]]) -> UserEndpoint:
    texts = []
    for part, values in zip(ENDPOINT_PARTS, parts, strict=True):
        header = f"X-BYOK-{part.replace('_', '-').title()}"
        if len(values) != 1:
            raise UserEndpointRefused(f"{header} {SENT_TWICE if values else 'is missing'}")
        if not values[0].isascii():
            raise UserEndpointRefused(f"{header} holds characters beyond ASCII")
        texts.append(values[0].strip(b" \t").decode("ascii"))
    return UserEndpoint(*texts)
