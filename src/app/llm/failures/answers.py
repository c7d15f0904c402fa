"""What came in place of an answer. These are classified, and never leave the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.errors import FailureClass


class NotAnAnswer(Exception):
    """Something arrived with a status of success, and it is no answer of a model."""


class NothingInAnswer(NotAnAnswer):
    """An answer without anything in it: a stream without a chunk, a body without a candidate."""


class ErrorInAnswer(NotAnAnswer):
    """An error that a provider wrote where an answer should be; `body` is the error as it wrote it."""

    def __init__(self, body: object) -> None:
        super().__init__("the answer holds an error")
        self.body = body


class StreamUnfinished(NotAnAnswer):
    """A stream that ended, cleanly or not, before the provider said why it was done (R13)."""


class RefusedAnswer(NotAnAnswer):
    """An answer that its provider ended for a reason which says that it is none."""

    def __init__(self, failure_class: FailureClass, finish: str) -> None:
        super().__init__(f"the answer ended with the finish reason {finish!r}")
        self.failure_class, self.code = failure_class, finish


class Unparsed(NotAnAnswer):
    """An answer that isn't what was asked for: not of the schema, or with arguments that can't be read.

    `answer` is its message. `problem` says what is wrong with it, in words that the model can be told.
    """

    def __init__(self, problem: str, answer: object = None) -> None:
        super().__init__("the answer doesn't fit what was asked for")
        self.problem, self.answer = problem, answer
