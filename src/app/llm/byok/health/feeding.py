"""Telling key health what was seen, so that nothing it does reaches the call (R16)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from app.llm.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.llm.byok.health.conditions import KeyFailure, KeyHealth


class UsersSecret(Protocol):
    """What is read of a user's credential: how to get at the key, and the user's own endpoint it is for."""

    @property
    def reveal(self) -> Callable[[], str]:
        """Return the key when it is called."""
        ...

    @property
    def endpoint(self) -> str | None:
        """The origin of the user's own endpoint, if the key is for one."""
        ...


def feed(
    health: KeyHealth,
    user_id: str,
    provider: str,
    secret: UsersSecret,
    failure: Callable[[], KeyFailure] | None = None,
) -> None:
    """Note that a provider served (no `failure`) or didn't serve a call on a user's key; never raises."""
    try:
        reveal = secret.reveal if secret.endpoint is None else partial(_with_place, secret)
        if failure is None:
            health.succeeded(user_id, provider, reveal)
        else:
            health.failed(user_id, provider, reveal, failure())
    except Exception as error:  # noqa: BLE001 - whoever a product puts there may be broken in any way
        logger().warning("observer_failed", observer="key_health", error=type(error).__name__)


def _with_place(secret: UsersSecret) -> str:
    """Return a key of a user's own endpoint with its place: the same text elsewhere is another key."""
    return f"{secret.endpoint} {secret.reveal()}"
