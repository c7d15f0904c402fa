"""The layer's logs on the command line: on standard error, warnings only unless somebody asks for more."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOGGERS = ("pointsman", "app")


class StandardError(logging.Handler):
    """Writes records as lines on what is standard error at that moment: a progress bar may stand there."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{record.levelname.lower()}: {self.format(record)}\n")


def show_logs(*, verbose: bool) -> Callable[[], None]:
    """Send the layer's logs to standard error for one run; return what ends that."""
    handler = StandardError()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbose else logging.WARNING)

    def end() -> None:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)

    return end
