"""What can be made of a thing: its texts, its copies, its pickles, LangChain's dump of it."""

from __future__ import annotations

import copy
import pickle
import pprint
from typing import TYPE_CHECKING

from app.testing.leaks.depths import text_of
from app.testing.leaks.exhibits import Exhibit

if TYPE_CHECKING:
    from collections.abc import Callable


def _dumped(thing: object) -> str:
    from langchain_core.load import dumps

    return dumps(thing)


def _of_model(thing: object, way: str) -> object:
    dump = getattr(thing, way, None)
    return dump() if callable(dump) else None


WAYS: tuple[tuple[str, Callable[[object], object]], ...] = (
    ("str", str),
    ("repr", repr),
    ("format", format),
    ("pprint", pprint.pformat),
    ("its readable pickle", lambda thing: pickle.dumps(thing, 0)),
    ("its pickle", lambda thing: pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)),
    ("its copy", lambda thing: repr(copy.copy(thing))),
    ("its deep copy", lambda thing: repr(copy.deepcopy(thing))),
    ("LangChain's dumps", _dumped),
    ("model_dump_json", lambda thing: _of_model(thing, "model_dump_json")),
    ("model_dump", lambda thing: repr(_of_model(thing, "model_dump"))),
    ("its attributes", lambda thing: repr(getattr(thing, "__dict__", None))),
)
"""Everything by which a thing is shown or leaves the process."""


class ThingSink:
    """Things that somebody may print, log, pickle, copy or dump. `look_at` adds one."""

    name = "what is made of things"

    def __init__(self) -> None:
        self._seen: list[Exhibit] = []

    def open(self) -> None:
        """Nothing to do: it is shown things."""

    def close(self) -> None:
        """Nothing to do: it holds texts only."""

    def look_at(self, thing: object, name: str) -> None:
        """Make of a thing all that can be made of it; a refusal's own text is looked at as well."""
        for way, make in WAYS:
            self._seen.append(Exhibit(f"{way} of {name}", made(make, thing)))

    def exhibits(self) -> list[Exhibit]:
        """Return what was made."""
        return list(self._seen)


def made(make: Callable[[object], object], thing: object) -> str:
    """Return what a way makes of a thing as a text, or what its refusal says."""
    try:
        result = make(thing)
    except Exception as error:  # noqa: BLE001 - a thing may refuse in any way; what it says then is what counts
        return f"{error!r} {error}"
    text = text_of(result)
    return repr(result) if text is None else text
