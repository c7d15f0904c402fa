"""What can be read off an exception and its causes: numbers, headers, the provider's words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeGuard

from app.llm.failures.tables import REDIRECTS

NO_STATUS_BELOW, NO_STATUS_ABOVE = 100, 599
LONGEST_NESTED = 20_000
"""Characters. A broker quotes what the provider behind it said as text; a longer one isn't read."""
STATUS_NAMES: Final = ("status_code", "status", "code")
"""Asked in this order, and no further than the first number: aiohttp warns who asks for the last."""
BODY_NAMES: Final = ("body", "details")


@dataclass(frozen=True)
class Facts:
    """Everything that classification may look at. `chain`: the exception and its causes, outermost first."""

    chain: tuple[BaseException, ...]

    @cached_property
    def status(self) -> int | None:
        """The answer's status; where that is a 200, the one that the provider wrote into its body."""
        of_answer = next((status for one in self.chain if (status := status_of(one))), None)
        if of_answer is None or of_answer < REDIRECTS:
            return _number(self.error.get("code")) or of_answer
        return of_answer

    @cached_property
    def body(self) -> object:
        """The answer's body, as far as an SDK has parsed it."""
        return next((body for one in self.chain if (body := body_of(one))), None)

    @cached_property
    def error(self) -> Mapping[str, Any]:
        """The provider's error object."""
        return error_object(self.body)

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, with names in lower case."""
        return next((headers for one in self.chain if (headers := headers_of(one))), {})

    @property
    def said(self) -> str:
        """What the provider's message says, in lower case."""
        return _message(self.error)

    @property
    def said_behind(self) -> str:
        """What the message of a provider further behind says, in lower case."""
        return _message(quoted(self.error))


def facts_of(error: BaseException) -> Facts:
    """Return what can be read off an exception."""
    return Facts(tuple(chain_of(error)))


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes. Its context is none of them: it may be the caller's own trouble."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = current.exceptions[0] if isinstance(current, BaseExceptionGroup) else None
        current = inner or current.__cause__


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an exception carries, itself or on its response."""
    for holder in (error, getattr(error, "response", None)):
        for name in STATUS_NAMES:
            value = getattr(holder, name, None)
            if isinstance(value, int) and not isinstance(value, bool):
                return value if _is_status(value) else None
    return None


def body_of(error: BaseException) -> object:
    """Return the body that an exception carries; LangChain makes it the argument of a ValueError."""
    for name in BODY_NAMES:
        if value := getattr(error, name, None):
            return value
    first = error.args[0] if isinstance(error, ValueError) and error.args else None
    return first if isinstance(first, Mapping) else None


def headers_of(error: BaseException) -> Mapping[str, str]:
    """Return the headers that an exception carries, itself or on its response, with names in lower case."""
    for holder in (getattr(error, "response", None), error):
        headers = getattr(holder, "headers", None)
        if isinstance(headers, Mapping) and headers:
            return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def error_object(body: object) -> Mapping[str, Any]:
    """Return the object that says what went wrong, in whichever shape a provider wraps it."""
    while isinstance(body, list) and body:  # not by recursion: a provider says how deep this goes
        body = body[0]
    if isinstance(body, str):
        return {"message": body}
    if not isinstance(body, Mapping):
        return {}
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return inner
    return {**body, "message": inner} if isinstance(inner, str) else body


def codes_of(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the provider's structured codes, the most specific first."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else [details]:
        if isinstance(detail, Mapping):
            yield from _texts(detail, "reason", "error_code")
    metadata = error.get("metadata")
    if isinstance(metadata, Mapping):
        yield from _texts(metadata, "error_code", "error_type")
    yield from _texts(error, "code", "type", "status")


def quoted(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error of a provider further behind: Azure nests it, OpenRouter quotes it as text."""
    inner = error.get("innererror")
    if isinstance(inner, Mapping):
        return inner
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str) or len(raw) > LONGEST_NESTED:
        return {}
    try:
        return error_object(json.loads(raw))
    except (ValueError, RecursionError):
        return {"message": raw}


def _message(error: Mapping[str, Any]) -> str:
    message = error.get("message")
    return message.lower() if isinstance(message, str) else ""


def _texts(holder: Mapping[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        value = holder.get(name)
        if isinstance(value, str) and value and not value.isdigit():
            yield value


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == len("200"):
        value = int(value)
    return value if _is_status(value) else None


def _is_status(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and NO_STATUS_BELOW <= value <= NO_STATUS_ABOVE
