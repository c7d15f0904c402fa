"""What is known of a user's key, the event of its change, and the port of whoever keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

KeyState = Literal["valid", "invalid", "no_permission", "no_quota", "unknown"]
"""`unknown`: nothing was seen of this key that says anything about it."""

STATE_OF_FAILURE: Mapping[str, KeyState] = {
    "auth": "invalid",
    "permission": "no_permission",
    "quota": "no_quota",
}
"""Failure class -> state. Every other class says something of the request, the provider or the line only."""


class ClassifiedFailure(Protocol):
    """What is read of a failure whose class is known."""

    @property
    def failure_class(self) -> str:
        """The failure class."""
        ...

    @property
    def status(self) -> int | None:
        """The HTTP status, if there was an answer."""
        ...

    @property
    def code(self) -> str | None:
        """The provider's structured code."""
        ...

    @property
    def guessed(self) -> bool:
        """Whether only the text of a message told."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFailure:
    """Why a provider refused a key, in fields that hold no text of the provider's.

    `code` is the provider's structured code; `guessed`: only the text of its message spoke of the key.
    """

    failure_class: str
    status: int | None = None
    code: str | None = None
    guessed: bool = False

    @classmethod
    def of(cls, failure: ClassifiedFailure) -> KeyFailure:
        """Return what a classified failure says of the key."""
        return cls(failure.failure_class, failure.status, failure.code, failure.guessed)

    def __str__(self) -> str:
        answer = f" (HTTP {self.status})" if self.status else ""
        code = f", code {self.code}" if self.code else ""
        return f"{self.failure_class}{answer}{code}" + (", guessed from the message" if self.guessed else "")


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """What is known of one user's key for one provider.

    `since` (UTC) is when this state was first seen; `failure` is the last refusal, kept while it lasts.
    """

    state: KeyState = "unknown"
    since: datetime | None = None
    failure: KeyFailure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that can be written as JSON."""
        plain = asdict(self)
        plain["since"] = self.since.isoformat() if self.since else None
        return plain


@dataclass(frozen=True, slots=True)
class KeyHealthChanged:
    """What a product may tell its user: a key went bad, is still bad (`repeated`), or works again.

    `reason` is the refusal (None: it works again). There is no key in it.
    """

    user_id: str
    provider: str
    old: KeyState
    new: KeyState
    since: datetime
    reason: KeyFailure | None = None
    repeated: bool = False


class KeyHealth(Protocol):
    """Keeps what calls see of users' keys. A call tells it after the provider has answered.

    `reveal` returns the key, for recognising that it was changed; it must not be kept, nor what it returns.
    What is raised here is logged and never reaches a call (R16); what takes time takes it from the call.
    """

    def succeeded(self, user_id: str, provider: str, reveal: Callable[[], str]) -> None:
        """Note that the provider served a call on this key."""
        ...

    def failed(self, user_id: str, provider: str, reveal: Callable[[], str], failure: KeyFailure) -> None:
        """Note that a call on this key failed, for whatever reason."""
        ...

    def of(self, user_id: str, provider: str) -> KeyCondition:
        """Return what is known of this user's key for a provider."""
        ...

    def all_of(self, user_id: str) -> Mapping[str, KeyCondition]:
        """Return what is known of this user's keys, by provider."""
        ...

    def close(self) -> None:
        """Stop whatever tells of changes. Calling it twice is no error."""
        ...
