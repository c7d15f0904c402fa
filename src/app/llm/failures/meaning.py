"""What a failed attempt means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app.errors import FailureClass, KeyReason

REASON_BY_CLASS: Final[dict[FailureClass, KeyReason]] = {
    "auth": "invalid",
    "permission": "permission",
    "quota": "quota",
}
"""Why a key is refused, by failure class; what can't be paid is `billing` instead of `quota`."""

REJECTED_KEY: Final[frozenset[FailureClass]] = frozenset(REASON_BY_CLASS)
"""Classes that say something about the key, not about the request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a failed attempt from types, status codes and structured codes (R12).

    `guessed`: only the text of a message told. `retry_after_s`: seconds, as the provider asked. `reason` is
    set where the class says something about the key.
    """

    failure_class: FailureClass
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    request_id: str | None = None
    guessed: bool = False
    reason: KeyReason | None = None
