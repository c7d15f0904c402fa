"""What can be a key at all, whoever's it is and wherever it came from."""

from __future__ import annotations

from pydantic import SecretStr

from app.errors import InvalidUserKey

LONGEST_KEY = 4096
"""Characters. The longest key in use is a few hundred; longer values are mistakes or attacks."""


def checked_key(provider: str, key: str | SecretStr) -> SecretStr:
    """Return a user's key for a provider as a secret, without the space around it.

    :raises InvalidUserKey: it is blank, too long, or holds anything but printable ASCII.
    """
    if not isinstance(key, str | SecretStr):
        raise InvalidUserKey(provider, f"is a {type(key).__name__}, not a text")
    text = (key.get_secret_value() if isinstance(key, SecretStr) else key).strip()
    fault = _fault_of(text)
    if fault is None:
        return SecretStr(text)
    del key, text  # tracebacks show the variables of frames
    raise InvalidUserKey(provider, fault)


def _fault_of(text: str) -> str | None:
    if not text:
        return "is blank"
    if len(text) > LONGEST_KEY:
        return f"is longer than {LONGEST_KEY} characters"
    if not (text.isascii() and text.isprintable() and " " not in text):
        return "holds characters that no key has: keys are printable ASCII without spaces"
    return None
