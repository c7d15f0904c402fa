"""RequestScope: who asks, and with which keys of their own; explicit, or ambient for a handler."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from sys import intern
from typing import TYPE_CHECKING

from app.llm.byok.secret_keys import checked_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from app.llm.byok.endpoint import UserEndpoint


class RequestScope:
    """Immutable: a user's id, and what this user sent with this request: keys by provider, an own endpoint.

    Keys are secrets: no repr, pickle or copy shows one. A blank or impossible key is an error here, so that
    it can never be taken for a missing one (R6).

    :raises InvalidUserKey: a key is blank, too long, or holds anything but printable ASCII.
    """

    __slots__ = ("_keys", "endpoint", "user_id")

    _keys: Mapping[str, SecretStr]
    user_id: str | None
    endpoint: UserEndpoint | None

    def __init__(
        self,
        user_id: str | None = None,
        keys: Mapping[str, str | SecretStr] | None = None,
        endpoint: UserEndpoint | None = None,
    ) -> None:
        # One text for all users who name a provider: thousands of scopes may be alive at a time.
        checked = {intern(name.strip().lower()): checked_key(name, key) for name, key in (keys or {}).items()}
        object.__setattr__(self, "user_id", user_id)
        object.__setattr__(self, "_keys", checked)
        object.__setattr__(self, "endpoint", endpoint)

    @property
    def providers(self) -> frozenset[str]:
        """The providers for which this user sent a key."""
        return frozenset(self._keys)

    def key(self, provider: str) -> SecretStr | None:
        """Return this user's key for a provider."""
        found: SecretStr | None = self._keys.get(provider)
        return found

    def with_endpoint(self, endpoint: UserEndpoint | None) -> RequestScope:
        """Return this scope with an endpoint of the user's own, or without one."""
        return RequestScope(self.user_id, self._keys, endpoint)

    @property
    def anonymous(self) -> bool:
        """Whether there is nothing in this scope that could belong to a user."""
        return self.user_id is None and not self._keys and self.endpoint is None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a request scope is immutable: {name} can't be set")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestScope):
            return NotImplemented
        mine, theirs = (self.user_id, self._keys), (other.user_id, other._keys)
        return mine == theirs and self.endpoint == other.endpoint

    def __hash__(self) -> int:
        return hash((self.user_id, self.providers))

    def __repr__(self) -> str:
        if not hasattr(self, "endpoint"):
            return "RequestScope(refused)"  # a traceback's variables show it while it is being made
        endpoint = f", {self.endpoint!r}" if self.endpoint else ""
        return f"RequestScope(user_id={self.user_id!r}, keys for {sorted(self.providers)}{endpoint})"

    def __copy__(self) -> RequestScope:
        return self

    def __deepcopy__(self, memo: object) -> RequestScope:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a request scope holds secrets and can't be pickled: make a new one there")


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
