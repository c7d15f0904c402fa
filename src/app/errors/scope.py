"""What a request brought with it can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors.names import nearest
from app.errors.root import PointsmanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ScopeError(PointsmanError):
    """What a request brought with it can't be used. A client may see the message: it is about its request."""

    http_status = 400
    public_fields: tuple[str, ...] = ("provider",)

    def to_dict(self) -> dict[str, str | float]:
        """Return what a client may see; the message is the error's own."""
        return {**super().to_dict(), "message": str(self)}


class InvalidUserKey(ScopeError):
    """A user's key that can't be a key. The key itself is never part of the message."""

    def __init__(self, provider: str, reason: str) -> None:
        self.provider, self.reason = provider, reason
        super().__init__(f"the user's key for provider {provider!r} {reason}")


class UnknownKeyProvider(ScopeError):
    """A request brought a key for a provider that the catalog doesn't know."""

    def __init__(self, provider: str, known: Iterable[str]) -> None:
        self.provider = provider
        super().__init__(f"{provider!r} is no provider that takes keys here{nearest(provider, known)}")


class UserKeyMismatch(ScopeError):
    """The key that a request brought isn't the one that this user enrolled."""

    http_status = 403

    def __init__(self, provider: str) -> None:
        self.provider = provider
        super().__init__(
            f"the key for provider {provider!r} is not the one that this user enrolled; "
            "enrol it again, or send the enrolled one"
        )


class UserKeyRequired(ScopeError):
    """A feature that only users pay for, and no key of this user fits one of its routes."""

    http_status = 402

    def __init__(self, feature: str, providers: Sequence[str]) -> None:
        self.feature, self.providers = feature, tuple(providers)
        super().__init__(
            f"feature {feature!r} runs on the user's own key only, and this request brought none that fits; "
            f"it would run with a key for: {', '.join(self.providers) or 'no provider'}"
        )


class UserEndpointRefused(ScopeError):
    """An endpoint that a user named may not be called. The message names its host at most, never a key."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the user's own endpoint can't be used: {reason}")


class ForeignScope(ScopeError):
    """A model that was handed out for one request scope is called inside another: the product's mistake."""

    http_status = 500
    public_fields: tuple[str, ...] = ()

    def __init__(self, feature: str) -> None:
        self.feature = feature
        super().__init__(
            f"this model for feature {feature!r} was handed out for another user's request; "
            "call get_llm inside the request that uses the model"
        )

    def to_dict(self) -> dict[str, str | float]:
        """Return what a client may see: not that it was about to speak with another user's model."""
        return PointsmanError.to_dict(self)
