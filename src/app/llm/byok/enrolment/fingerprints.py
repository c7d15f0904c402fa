"""Fingerprints of keys: what is kept of a key that a user enrolled."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

SHORTEST_PEPPER: Final = 16
"""Characters. A pepper is a secret that nobody types."""
LONGEST_PEPPER_NAME: Final = 64
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """An HMAC-SHA256 of a key, in hexadecimal, and the name of the pepper that it was made with."""

    pepper: str
    digest: str

    @property
    def short(self) -> str:
        """The beginning of it: enough for a person to tell two apart."""
        return self.digest[:8]

    def __repr__(self) -> str:
        return f"Fingerprint(pepper={self.pepper!r}, digest={self.short}...)"


class Peppers:
    """The server's own secrets that fingerprints are made with, the current one first.

    :raises SettingsError: there is none, or one that can't be a secret.
    """

    def __init__(self, peppers: Mapping[str, SecretStr]) -> None:
        if not peppers:
            raise SettingsError(
                "POINTSMAN_BYOK_PEPPERS: enrolment needs a pepper, as in `2026=` and 32 random characters"
            )
        for name, pepper in peppers.items():
            _check(name, pepper)
        self._secrets = {name: pepper.get_secret_value().encode() for name, pepper in peppers.items()}
        self.current = next(iter(self._secrets))

    def __repr__(self) -> str:
        return f"Peppers({', '.join(self._secrets)})"

    def fingerprint(self, *parts: str) -> Fingerprint:
        """Return the fingerprint of these parts (provider and key), made with the current pepper."""
        return Fingerprint(self.current, self._digest(self.current, parts))

    def knows(self, fingerprint: Fingerprint) -> bool:
        """Whether this fingerprint can still be recognised."""
        return fingerprint.pepper in self._secrets

    def match(self, fingerprint: Fingerprint, *parts: str) -> bool:
        """Whether these parts have this fingerprint; never, if its pepper isn't known. In constant time."""
        known = self.knows(fingerprint)
        digest = self._digest(fingerprint.pepper if known else self.current, parts)
        return hmac.compare_digest(digest.encode(), fingerprint.digest.encode()) and known

    def _digest(self, pepper: str, parts: tuple[str, ...]) -> str:
        # Each part goes in with its length, so that no two lists of parts read alike.
        encoded = [part.encode() for part in parts]
        message = b"".join(len(part).to_bytes(_LENGTH_BYTES, "big") + part for part in encoded)
        return hmac.new(self._secrets[pepper], message, hashlib.sha256).hexdigest()


def _check(name: str, pepper: SecretStr) -> None:
    if not name or len(name) > LONGEST_PEPPER_NAME:
        raise SettingsError(
            f"POINTSMAN_BYOK_PEPPERS: a pepper's name has 1 to {LONGEST_PEPPER_NAME} characters"
        )
    if len(pepper.get_secret_value().strip()) < SHORTEST_PEPPER:
        raise SettingsError(
            f"POINTSMAN_BYOK_PEPPERS: pepper {name!r} is shorter than {SHORTEST_PEPPER} characters"
        )
