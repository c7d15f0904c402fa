"""Exceptions without the frames that they passed below the door, whose variables hold the key."""

from __future__ import annotations


def without_frames(error: BaseException) -> BaseException:
    """Return the same exception as if it began here: a cancellation or an interruption, on its way up.

    Its traceback, cause and context are forgotten: they are the HTTP library's own.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
