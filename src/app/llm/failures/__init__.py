"""Failures: what an exception of an SDK, of its HTTP library or of the socket means, and what becomes of it.

`tables` and `types` are data, `facts` reads an exception, `classifying` decides, `redaction` says what may be
kept, and `rebuilding` makes the error that reaches the caller.
"""

from __future__ import annotations

from app.errors import FailureClass
from app.llm.failures.answers import ErrorInAnswer, NotAnAnswer, NothingInAnswer
from app.llm.failures.classifying import classify
from app.llm.failures.meaning import REJECTED_KEY, RETRIED, Failure
from app.llm.failures.rebuilding import bare, own_error, rebuilt

__all__ = [
    "REJECTED_KEY",
    "RETRIED",
    "ErrorInAnswer",
    "Failure",
    "FailureClass",
    "NotAnAnswer",
    "NothingInAnswer",
    "bare",
    "classify",
    "own_error",
    "rebuilt",
]
