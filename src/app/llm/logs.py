"""The library's log: structured lines on the standard logger `pointsman`, which the product configures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger


def logger() -> BoundLogger:
    """Return the logger. Importing structlog costs 80 ms of CPU, so only who has something to say does."""
    import structlog

    wrapped: BoundLogger = structlog.wrap_logger(
        logging.getLogger("pointsman"),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.LogfmtRenderer(key_order=["event"]),
        ],
    )
    return wrapped
