"""What is logged, at DEBUG, by every library of the process."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from app.testing.leaks.depths import texts_within
from app.testing.leaks.exhibits import Exhibit, prompts
from app.testing.leaks.failures import chain_of, plain_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({})))


class LogSink(logging.Handler):
    """Every log record at DEBUG: its message, arguments, extra fields, and the exception that it carries."""

    name = "the log"

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._seen: list[Exhibit] = []
        self._changed: list[tuple[logging.Logger, int, bool]] = []
        self._disabled = 0

    def open(self) -> None:
        """Listen at the root, and at every logger that doesn't propagate; let all of them speak at DEBUG."""
        root = logging.getLogger()
        self._disabled = root.manager.disable
        logging.disable(logging.NOTSET)
        known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
        for one in (root, *known):
            self._changed.append((one, one.level, one.disabled))
            one.disabled = False
            if one is root or one.level != logging.NOTSET:
                one.setLevel(logging.DEBUG)
            if one is root or not one.propagate:
                one.addHandler(self)

    def close(self) -> None:
        """Leave every logger as it was."""
        for one, level, disabled in self._changed:
            one.removeHandler(self)
            one.setLevel(level)
            one.disabled = disabled
        if self._changed:
            logging.disable(self._disabled)
        self._changed.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record as it is now: what its arguments are later is another matter."""
        place = f"{record.name} {record.levelname} ({record.pathname}:{record.lineno})"
        try:
            self._seen += [Exhibit(f"{place}, {what}", text) for what, text in texts_of(record)]
            self._seen += [Exhibit(f"{place}, {what}", text, prompts) for what, text in frames_of(record)]
        except Exception:  # noqa: BLE001 - as every handler: a line that can't be rendered breaks no call
            self.handleError(record)

    def exhibits(self) -> list[Exhibit]:
        """Return what was logged."""
        return list(self._seen)


def texts_of(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    """Yield the texts of a record by what they are in it."""
    yield "its message", record.getMessage()
    yield from texts_within(record.args, "args")
    yield "args", repr(record.args)
    for name in vars(record).keys() - OF_EVERY_RECORD:
        yield f"extra {name}", repr(getattr(record, name))
        yield from texts_within(getattr(record, name), f"extra {name}")
    if record.exc_info:
        yield "its exception", "".join(traceback.format_exception(*record.exc_info))
    yield "its stack", record.stack_info or ""


def frames_of(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    """Yield the variables of the frames of a record's exception, which some log shippers send along."""
    error = record.exc_info[1] if record.exc_info else None
    for path, one in chain_of(error) if error is not None else ():
        yield from ((f"its exception{path}: {where}", text) for where, text in plain_frames(one))
