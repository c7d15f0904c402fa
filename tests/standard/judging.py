"""What a strict provider refuses: requests that its protocol doesn't allow."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARKS = {"image/png": b"\x89PNG", "application/pdf": b"%PDF", "audio/wav": b"RIFF"}
"""How the content of a media type begins."""


class Malformed(Exception):
    """A request that the protocol doesn't allow; the message says where."""


def demand(fact: object, problem: str) -> None:
    """Raise Malformed with the problem unless the fact holds."""
    if not fact:
        raise Malformed(problem)


def known(table: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    """Raise Malformed if a table holds keys that the protocol doesn't have."""
    strangers = sorted(set(table) - set(names))
    demand(not strangers, f"{where}: unknown {', '.join(strangers)}")


def media(content: str, kind: str, where: str) -> None:
    """Raise Malformed unless the base64 content is of the media type that it claims."""
    demand(kind in MARKS, f"{where}: media type {kind!r} is not supported")
    try:
        raw = base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise Malformed(f"{where}: {error}") from error
    demand(raw.startswith(MARKS[kind]), f"{where}: this is no {kind}")


def data_url(url: str, where: str) -> None:
    """Raise Malformed unless the URL is a web address, or a data URL of the media type that it claims."""
    if not url.startswith("https://"):
        kind, found, content = url.removeprefix("data:").partition(";base64,")
        demand(found, f"{where}: neither a web address nor a data URL")
        media(content, kind, where)


class Pairing:
    """The calls of a conversation that still wait for their results."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def called(self, ids: Iterable[str]) -> None:
        """Note the calls of the model's turn; none may be open from before."""
        self.settled()
        self._open = set(ids)

    def answered(self, call: str) -> None:
        """Note a result; it has to be one that is waited for."""
        demand(call in self._open, f"a result for {call!r}, which wasn't called in the turn before")
        self._open.discard(call)

    def settled(self) -> None:
        """Raise Malformed if a call never got its result."""
        demand(not self._open, f"no result for the calls {sorted(self._open)}")
