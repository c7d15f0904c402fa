"""What is printed, warned of, and named."""

from __future__ import annotations

import io
import sys
import threading
import warnings
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, TextIO

from app.testing.leaks.exhibits import Exhibit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Tee(io.TextIOBase):
    """A stream that passes on what is written to it, and keeps it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        """Pass on and keep."""
        self.kept.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Pass on at once."""
        self._stream.flush()


class OutputSink:
    """What Python code prints to stdout and stderr. Code in other languages writes past this."""

    name = "the output"

    def __init__(self) -> None:
        self._tees: list[tuple[str, Tee]] = []
        self._redirections = ExitStack()

    def open(self) -> None:
        """Stand between the process and its two streams."""
        out, err = Tee(sys.stdout), Tee(sys.stderr)
        self._tees += [("stdout", out), ("stderr", err)]
        self._redirections.enter_context(redirect_stdout(out))
        self._redirections.enter_context(redirect_stderr(err))

    def close(self) -> None:
        """Put both streams back."""
        self._redirections.close()

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield what was printed, stream by stream: a secret may have come in pieces."""
        for name, tee in self._tees:
            yield Exhibit(name, "".join(tee.kept))


class WarningSink:
    """Every warning, also one that was shown before. The watch over, each goes where it would have gone."""

    name = "the warnings"

    def __init__(self) -> None:
        self._caught = ExitStack()
        self._log: list[warnings.WarningMessage] = []
        self._seen: list[warnings.WarningMessage] = []

    def open(self) -> None:
        """Catch every warning."""
        self._log = self._caught.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")

    def close(self) -> None:
        """Let the warnings go where they go without the kit."""
        self._caught.close()
        caught, self._log = self._log, []
        self._seen += caught
        for one in caught:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno, source=one.source)

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield what was warned of."""
        for one in (*self._seen, *self._log):
            yield Exhibit(f"{one.category.__name__} ({one.filename}:{one.lineno})", str(one.message))


class ThreadSink:
    """The names of threads, which crash reports, log lines and debuggers show."""

    name = "the threads"

    def __init__(self) -> None:
        self._names: set[str] = set()

    def open(self) -> None:
        """Note the threads there are."""
        self._names = {thread.name for thread in threading.enumerate()}

    def close(self) -> None:
        """Note the threads there are now."""
        self._names |= {thread.name for thread in threading.enumerate()}

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield the names of threads."""
        self.close()
        for name in sorted(self._names):
            yield Exhibit("the name of a thread", name)
