"""Every text inside a value: what walks through attributes and collections finds there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 8
MOST_VALUES = 20_000
CLOSED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, int, float, type(None))
"""What isn't looked into: it holds nothing of one call."""


def texts_within(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a value with their paths: attributes, items and keys, each object once.

    It goes 8 deep, and looks into 20,000 objects at most.
    """
    seen: set[int] = set()
    pending: list[tuple[object, str, int]] = [(value, place, 0)]
    while pending and len(seen) < MOST_VALUES:
        current, path, depth = pending.pop()
        text = text_of(current)
        if text is not None:
            yield path, text
        elif not isinstance(current, CLOSED) and id(current) not in seen and depth < DEEPEST:
            seen.add(id(current))
            pending += [(inner, path + step, depth + 1) for step, inner in parts_of(current)]


def text_of(value: object) -> str | None:
    """Return a text or bytes as a text, and None for everything else."""
    if isinstance(value, str):
        return value
    return bytes(value).decode("latin-1") if isinstance(value, bytes | bytearray | memoryview) else None


def parts_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield what an object is made of: items of collections, attributes of all others."""
    if isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield ".key", key
            yield f"[{key if isinstance(key, str) else type(key).__name__!r}]", inner
    elif isinstance(value, Iterable) and isinstance(value, list | tuple | set | frozenset):
        for position, inner in enumerate(list(value)):
            yield f"[{position}]", inner
    if isinstance(value, BaseException):
        yield ".args", value.args
    yield from attributes_of(value)


def attributes_of(value: object) -> Iterator[tuple[str, object]]:
    """Yield an object's own attributes, those in slots too."""
    for name, inner in list(getattr(value, "__dict__", {}).items()):
        yield f".{name}", inner
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            own = f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") else name
            inner = getattr(value, own, None)
            if inner is not None:
                yield f".{own}", inner
