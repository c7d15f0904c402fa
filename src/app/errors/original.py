"""What is kept of an exception that became one of our errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Original:
    """What a failed call was at first, for debugging: built from text, without the exception or its frames.

    `type` is the exception's qualified name, and `causes` are those of what it was raised from. `places` are
    the `file:line` that it passed, innermost last. `message` is what it said, with secrets cut out and of
    bounded length. A provider wrote that: it can quote a prompt, so nothing shows it but this attribute, and
    it stays in its process (a pickle holds an empty one).
    """

    type: str
    message: str = field(default="", repr=False)
    status: int | None = None
    places: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    def __copy__(self) -> Original:
        return self

    def __deepcopy__(self, memo: object) -> Original:
        return self

    def __reduce__(self) -> tuple[Callable[..., Original], tuple[object, ...]]:
        return Original, (self.type, "", self.status, self.places, self.causes)
