"""Failures: what an exception of an SDK, of its HTTP library or of the socket means, and what becomes of it.

`tables` and `types` are data, `facts` reads an exception, `classifying` decides, `redaction` says what may be
kept, and `rebuilding` makes the error that reaches the caller.
"""

from __future__ import annotations

from app.errors import FailureClass
from app.llm.failures.answers import (
    ErrorInAnswer,
    NotAnAnswer,
    NothingInAnswer,
    RefusedAnswer,
    StreamUnfinished,
    Unparsed,
)
from app.llm.failures.classifying import classify
from app.llm.failures.meaning import REJECTED_KEY, Failure
from app.llm.failures.rebuilding import bare, own_error, rebuilt
from app.llm.failures.redaction import original_of

__all__ = [
    "REJECTED_KEY",
    "ErrorInAnswer",
    "Failure",
    "FailureClass",
    "NotAnAnswer",
    "NothingInAnswer",
    "RefusedAnswer",
    "StreamUnfinished",
    "Unparsed",
    "bare",
    "classify",
    "original_of",
    "own_error",
    "rebuilt",
]
