"""What an exception shows: its texts and fields, those of its causes, and the variables of every frame."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from app.testing.leaks.depths import texts_within
from app.testing.leaks.exhibits import Exhibit, nothing, prompts
from app.testing.leaks.things import WAYS, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.traceback import Frame

SHOWN = ("str", "repr", "format", "pprint", "its copy", "its deep copy", "LangChain's dumps")
"""The ways by which an exception ends in logs and on screens."""
SHORTEST_RICH = 10**9
"""So long may a text be before rich shortens it: never."""


def every_frame(filename: str) -> bool:
    """Look into the frames of every file."""
    del filename
    return True


class FailureSink:
    """Exceptions, as an error reporter sees them. `look_at` adds one.

    Its texts show no canary. Its fields may hold prompts (what had arrived of a broken stream, say), and so
    may the variables of frames (the caller's own and LangChain's have to); no key. `frames` says which files'
    frames are looked into: a caller whose own variables hold keys leaves itself out.
    """

    name = "the failures"

    def __init__(self, frames: Callable[[str], bool] = every_frame) -> None:
        self._frames = frames
        self._seen: list[Exhibit] = []

    def open(self) -> None:
        """Nothing to do: it is shown exceptions."""

    def close(self) -> None:
        """Nothing to do: it holds texts only."""

    def look_at(self, error: BaseException, name: str) -> None:
        """Look at an exception, and at every other one that can be reached from it."""
        for path, one in chain_of(error):
            place = f"{name}{path} ({type(one).__module__}.{type(one).__qualname__})"
            for way, make in WAYS:
                allowed = nothing if way in SHOWN else prompts
                self._seen.append(Exhibit(f"{way} of {place}", made(make, one), allowed))
            self._seen += [Exhibit(where, text, prompts) for where, text in texts_within(one, place)]
            self._seen += [
                Exhibit(f"{where}, in {place}", text, prompts) for where, text in self._frames_of(one)
            ]

    def exhibits(self) -> list[Exhibit]:
        """Return what was seen of exceptions."""
        return list(self._seen)

    def _frames_of(self, error: BaseException) -> Iterator[tuple[str, str]]:
        yield from (found for found in plain_frames(error) if self._frames(found[0]))
        yield from (found for found in rich_frames(error) if self._frames(found[0]))


def chain_of(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Yield an exception and those that can be reached from it, each once, with its path."""
    seen: set[int] = set()
    pending: list[tuple[str, object]] = [("", error)]
    while pending:
        path, one = pending.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield path, one
        pending += [(f"{path}.{name}", getattr(one, name)) for name in ("__cause__", "__context__")]
        if isinstance(one, BaseExceptionGroup):
            pending += [
                (f"{path}.exceptions[{number}]", inner) for number, inner in enumerate(one.exceptions)
            ]
        pending += [(f"{path}.args", inner) for inner in one.args]
        pending += [(f"{path}.{name}", inner) for name, inner in vars(one).items()]


def plain_frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield `file:line in function, variable` and the variable as the standard traceback shows it."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        for name, value in list(trace.tb_frame.f_locals.items()):
            shown = made(repr, value)
            yield f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}, variable {name}", shown
        trace = trace.tb_next
    try:
        rendered = traceback.TracebackException.from_exception(error, capture_locals=True)
    except Exception:  # noqa: BLE001 - a variable whose repr fails; all that could be shown was shown above
        return
    for frame in rendered.stack:
        for name, text in (frame.locals or {}).items():
            yield f"{frame.filename}:{frame.lineno} in {frame.name}, variable {name} (traceback)", text


def rich_frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield the variables of frames as rich's tracebacks show them, which look into containers and fields."""
    from rich.traceback import Traceback

    kind, trace = type(error), error.__traceback__
    shown = Traceback.extract(
        kind, error, trace, show_locals=True, locals_max_length=1000, locals_max_string=SHORTEST_RICH
    )
    for stack in shown.stacks:
        for frame in stack.frames:
            yield from _variables_of(frame)


def _variables_of(frame: Frame) -> Iterator[tuple[str, str]]:
    for name, node in (frame.locals or {}).items():
        yield f"{frame.filename}:{frame.lineno} in {frame.name}, variable {name} (rich)", str(node)
