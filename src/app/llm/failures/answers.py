"""What came in place of an answer. These are classified, and never leave the layer."""

from __future__ import annotations


class NotAnAnswer(Exception):
    """Something arrived with a status of success, and it is no answer of a model."""


class NothingInAnswer(NotAnAnswer):
    """An answer without anything in it: a stream without a chunk, a body without a candidate."""


class ErrorInAnswer(NotAnAnswer):
    """An error that a provider wrote where an answer should be; `body` is the error as it wrote it."""

    def __init__(self, body: object) -> None:
        super().__init__("the answer holds an error")
        self.body = body
