"""Canaries: keys and prompts that are recognised wherever they turn up, whole, in part or encoded."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["key", "prompt"]

CORE_LENGTH = 48
PART_LENGTH = 8
"""Characters of the parts by which a core is recognised: any 15 of its characters in a row hold one."""
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


class Canary:
    """A key or a prompt of which each sighting is recognised. Neither its repr nor its attributes show it.

    `name` is what reports call it. `at` says where a key may be seen: header names by origin
    (`{"https://api.acme.example:443": "authorization"}`). `core` is the part of the text that nobody can
    guess; without one, the text is recognised as a whole only.
    """

    __slots__ = ("_core", "_text", "at", "kind", "name")

    def __init__(
        self, kind: Kind, name: str, text: str, *, core: str = "", at: Mapping[str, str] | None = None
    ) -> None:
        self.kind, self.name, self.at = kind, name, dict(at or {})
        self._text, self._core = SecretStr(text), SecretStr(core or text)

    def __repr__(self) -> str:
        return f"<canary: {self.name}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a canary can't be pickled: it is a secret of this process")

    @property
    def text(self) -> str:
        """The canary itself."""
        return self._text.get_secret_value()

    @property
    def secret(self) -> SecretStr:
        """The canary as a value that no repr shows: what a scope takes for a key."""
        return self._text

    def form_in(self, text: str, lowered: str) -> str | None:
        """Return in which form it is in a text (None: in no form); `lowered` is the text in lower case."""
        for form, needle in self._forms():
            if needle in (text if form == "base64" else lowered):
                return form
        return None

    def _forms(self) -> Iterator[tuple[str, str]]:
        core, text = self._core.get_secret_value(), self.text
        for start in range(0, len(core), PART_LENGTH) if core != text else ():
            yield "as it is, or a part of it", core[start : start + PART_LENGTH]
        yield "as it is", text.lower()
        yield "URL-encoded", quote(text, safe="").lower()
        yield "JSON-escaped", json.dumps(text)[1:-1].lower()
        yield "hexadecimal", core.encode().hex()
        for needle in _base64_of(core):
            yield "base64", needle


def _base64_of(core: str) -> Iterator[str]:
    """Yield what is in any base64 text that has the core in it, wherever the core begins there."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + core.encode()).decode().rstrip("=")
        inner = encoded[4 if before else 0 : -4]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def canary_key(name: str, *, at: Mapping[str, str] | None = None, prefix: str = "sk-") -> Canary:
    """Return a new key that looks like one; `at` says in which header of which origin it may be seen."""
    core = _core()
    return Canary("key", name, f"{prefix}{core}", core=core, at=at)


def canary_prompt(name: str, text: str = "Where does {core} belong?") -> Canary:
    """Return a new prompt; `text` says where in it the part stands that nobody can guess."""
    core = _core()
    return Canary("prompt", name, text.format(core=core), core=core)


def _core() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(CORE_LENGTH))
