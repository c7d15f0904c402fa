"""The root of the error tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class PointsmanError(Exception):
    """What every error of this package is. It can be pickled and copied with all that it carries.

    `http_status` is what a product's handler answers; `to_dict()` is what its client may see.
    """

    http_status: int = 500
    public_message: str = "something went wrong here"
    public_fields: tuple[str, ...] = ()
    """The attributes that a client may see beside type and message, where they are known."""

    def to_dict(self) -> dict[str, str | float]:
        """Return `type`, `message` and the public fields (`retry_after_s` in seconds): no internals."""
        seen = {name: getattr(self, name, None) for name in self.public_fields}
        shown = {name: value for name, value in seen.items() if value is not None}
        return {"type": type(self).__name__, "message": self.public_message, **shown}

    def __reduce__(self) -> tuple[Callable[..., PointsmanError], tuple[object, ...]]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[PointsmanError], args: tuple[object, ...], fields: dict[str, Any]) -> PointsmanError:
    # Not by its constructor: that takes what the message is made of, and not the message.
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error
