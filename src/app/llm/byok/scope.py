"""RequestScope: who asks, and with which keys of their own; explicit, or ambient for a handler."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.errors import InvalidUserKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_KEY = 4096
"""Characters. The longest key in use is a few hundred; longer values are mistakes or attacks."""


class RequestScope:
    """Immutable: a user's id and the keys that this user sent with this request, by provider.

    Keys are secrets: no repr, pickle or copy shows one. A blank or impossible key is an error here, so that
    it can never be taken for a missing one (R6).

    :raises InvalidUserKey: a key is blank, too long, or holds anything but printable ASCII.
    """

    __slots__ = ("_keys", "providers", "user_id")

    _keys: Mapping[str, SecretStr]
    user_id: str | None
    providers: frozenset[str]

    def __init__(self, user_id: str | None = None, keys: Mapping[str, str | SecretStr] | None = None) -> None:
        checked = {name.strip().lower(): _checked(name, key) for name, key in (keys or {}).items()}
        object.__setattr__(self, "user_id", user_id)
        object.__setattr__(self, "_keys", MappingProxyType(checked))
        object.__setattr__(self, "providers", frozenset(checked))

    def key(self, provider: str) -> SecretStr | None:
        """Return this user's key for a provider."""
        found: SecretStr | None = self._keys.get(provider)
        return found

    @property
    def anonymous(self) -> bool:
        """Whether there is nothing in this scope that could belong to a user."""
        return self.user_id is None and not self._keys

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a request scope is immutable: {name} can't be set")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestScope):
            return NotImplemented
        return (self.user_id, self._keys) == (other.user_id, other._keys)

    def __hash__(self) -> int:
        return hash((self.user_id, self.providers))

    def __repr__(self) -> str:
        return f"RequestScope(user_id={self.user_id!r}, keys for {sorted(self.providers)})"

    def __copy__(self) -> RequestScope:
        return self

    def __deepcopy__(self, memo: object) -> RequestScope:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a request scope holds secrets and can't be pickled: make a new one there")


def _checked(provider: str, key: str | SecretStr) -> SecretStr:
    if not isinstance(key, str | SecretStr):
        raise InvalidUserKey(provider, f"is a {type(key).__name__}, not a text")
    text = (key.get_secret_value() if isinstance(key, SecretStr) else key).strip()
    if not text:
        raise InvalidUserKey(provider, "is blank")
    if len(text) > LONGEST_KEY:
        raise InvalidUserKey(provider, f"is longer than {LONGEST_KEY} characters")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise InvalidUserKey(
            provider, "holds characters that no key has: keys are printable ASCII without spaces"
        )
    return SecretStr(text)


_ambient: ContextVar[RequestScope | None] = ContextVar("pointsman_request_scope", default=None)


def current_scope() -> RequestScope | None:
    """Return the ambient scope of this request, or None outside of one."""
    return _ambient.get()


@contextmanager
def request_scope(scope: RequestScope) -> Iterator[RequestScope]:
    """Make `scope` the ambient one for the block, for this thread or task and those it starts."""
    token = _ambient.set(scope)
    try:
        yield scope
    finally:
        _ambient.reset(token)
