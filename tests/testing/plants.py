"""Leaks to plant: one in each place that the leak kit watches."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.leaks.spans import exporting
from tests.testing.chatter import Chatter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.testing.leaks.kit import LeakKit


LOG = logging.getLogger("tests.planted")


class Shown:
    """A thing that shows what it holds in one way."""

    def __init__(self, way: str, secret: str) -> None:
        self._way, self._secret = way, [secret]

    def __getstate__(self) -> dict[str, object]:
        return {"_way": self._way, "_secret": self._secret if self._way == "pickle" else []}

    def _told(self, way: str) -> str:
        return "".join(self._secret) if way == self._way else "..."

    def __repr__(self) -> str:
        return self._told("repr")

    def __str__(self) -> str:
        return self._told("str")

    def __format__(self, spec: str) -> str:
        return self._told("format")

    def __copy__(self) -> Shown:
        return Shown("repr", self._secret[0]) if self._way == "copy" else self

    def __deepcopy__(self, memo: object) -> Shown:
        return Shown("repr", self._secret[0]) if self._way == "deepcopy" else self

    def model_dump(self) -> dict[str, str]:
        return {"key": self._told("model_dump")}


class RefusesLoudly:
    """A thing that says what it holds when it refuses to be pickled."""

    def __init__(self, secret: str) -> None:
        self._secret = [secret]

    def __repr__(self) -> str:
        return "RefusesLoudly()"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self._secret} can't be pickled")


@dataclass
class Request:
    """A request that some server received."""

    method: str = "POST"
    target: str = "/v1/chat"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b"{}"


@dataclass
class Server:
    """A server that received one request."""

    received: list[Request]
    origin: str = "http://127.0.0.1:1"


def sent(
    target: str = "/v1/chat", header: tuple[str, str] = ("accept", "json"), body: str = "{}"
) -> Callable[[LeakKit, str], None]:
    """Plant: a request of these parts, in which SECRET becomes the secret."""

    def plant(kit: LeakKit, secret: str) -> None:
        parts = [part.replace("SECRET", secret) for part in (target, *header, body)]
        kit.watch(Server([Request("POST", parts[0], [(parts[1], parts[2])], parts[3].encode())]))

    return plant


def raised(kit: LeakKit, make: Callable[[], BaseException]) -> None:
    with kit.failing("the call"):
        raise make()


def caused(secret: str) -> BaseException:
    error, error.__cause__ = RuntimeError("it failed"), ValueError(secret)
    return error


def contextual(secret: str) -> BaseException:
    error, error.__context__ = RuntimeError("it failed"), ValueError(secret)
    error.__suppress_context__ = True
    return error


def grouped(secret: str) -> BaseException:
    return ExceptionGroup("they failed", [ValueError(secret)])


def noted(secret: str) -> BaseException:
    error = RuntimeError("it failed")
    error.add_note(f"asked with {secret}")
    return error


def fielded(secret: str) -> BaseException:
    error = RuntimeError("it failed")
    error.request = {"headers": [(b"Authorization", secret.encode())]}  # type: ignore[attr-defined]
    return error


def in_a_frame(kit: LeakKit, secret: str) -> None:
    def send(headers: dict[str, str]) -> None:
        raise RuntimeError("it failed")

    with kit.failing("the call"):
        send({"authorization": secret})


def logged_with_traceback(kit: LeakKit, secret: str) -> None:
    try:
        int(secret)
    except ValueError:
        LOG.debug("it failed", exc_info=True)


def logged_past_the_root(kit: LeakKit, secret: str) -> None:
    aside = logging.getLogger("tests.planted.aside")
    aside.debug(secret)


def traced(kit: LeakKit, secret: str) -> None:
    model = Chatter(metadata={"key": secret})
    model.invoke("hello", config={"callbacks": kit.callbacks})


def spanned(kit: LeakKit, secret: str) -> None:
    tracer, exporter = exporting()
    kit.watch_spans(exporter)
    with tracer.start_as_current_span("chat") as span:
        span.set_attribute("key", secret)


def named_thread(kit: LeakKit, secret: str) -> None:
    thread = threading.Thread(target=kit.sightings, name=f"asks with {secret}")
    thread.start()
    thread.join()


PLANTED: dict[str, tuple[Callable[[LeakKit, str], object], str]] = {
    "a log message": (lambda _, secret: LOG.debug("asked with %s", secret), r"the log: .*its message"),
    "an argument of a log line": (lambda _, secret: LOG.debug("%.4s", secret), r"the log: .*args"),
    "an extra of a log line": (lambda _, s: LOG.info("asked", extra={"about": {"k": s}}), r"extra about"),
    "an exception of a log line": (logged_with_traceback, r"the log: .*its exception"),
    "a logger that doesn't propagate": (logged_past_the_root, r"the log: tests.planted.aside"),
    "a warning": (lambda _, secret: warnings.warn(secret, UserWarning, 2), r"the warnings: UserWarning"),
    "stdout": (lambda _, secret: sys.stdout.write(secret), r"the output: stdout"),
    "stderr": (lambda _, secret: sys.stderr.write(secret), r"the output: stderr"),
    "output in pieces": (lambda _, s: list(map(sys.stdout.write, s)), r"the output: stdout"),
    "the name of a thread": (named_thread, r"the threads"),
    "a key in the wrong header": (sent(header=("x-api-key", "SECRET")), r"the wire: POST .*header x-api-key"),
    "a key at another host": (sent(header=("authorization", "Bearer SECRET")), r"header authorization"),
    "a key in the name of a header": (sent(header=("x-SECRET", "1")), r"the wire: .*the name of a header"),
    "a key in a query": (sent(target="/v1?key=SECRET"), r"the wire: .*the address"),
    "a key in a body": (sent(body="SECRET"), r"the wire: .*the body"),
    "an error's text": (lambda kit, secret: raised(kit, lambda: ValueError(secret)), r"the failures: str of"),
    "an error's cause": (lambda kit, secret: raised(kit, lambda: caused(secret)), r"the call.__cause__"),
    "an error's context": (lambda kit, secret: raised(kit, lambda: contextual(secret)), r"__context__"),
    "an error of a group": (lambda kit, s: raised(kit, lambda: grouped(s)), r"the call.exceptions\[0\]"),
    "an error's note": (lambda kit, secret: raised(kit, lambda: noted(secret)), r"the call.*__notes__"),
    "an error's field": (lambda kit, secret: raised(kit, lambda: fielded(secret)), r"request\['headers'\]"),
    "a frame's variable": (in_a_frame, r"plants.py:\d+ in send, variable headers"),
    "a callback": (traced, r"LangChain's callbacks: "),
    "a span": (spanned, r"OpenTelemetry's spans: span 'chat'"),
    "a refusal to be pickled": (lambda kit, s: kit.look_at(RefusesLoudly(s), "it"), r"its pickle of it"),
    **{
        f"the {way} of a thing": (
            lambda kit, secret, way=way: kit.look_at(Shown(way, secret), "it"),  # type: ignore[misc]
            rf"what is made of things: .*{way.replace('deepcopy', 'deep copy')}.* of it",
        )
        for way in ("repr", "str", "format", "copy", "deepcopy", "pickle", "model_dump")
    },
}
