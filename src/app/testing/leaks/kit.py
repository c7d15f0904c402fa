"""LeakKit: canaries, sinks, and the verdict."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from app.testing.leaks.canaries import canary_key, canary_prompt
from app.testing.leaks.exhibits import Leaked, search
from app.testing.leaks.failures import FailureSink, every_frame
from app.testing.leaks.logs import LogSink
from app.testing.leaks.printed import OutputSink, ThreadSink, WarningSink
from app.testing.leaks.things import ThingSink
from app.testing.leaks.tracing import SpanSink, TracerSink
from app.testing.leaks.wire import WireSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from langchain_core.callbacks import BaseCallbackHandler

    from app.testing.leaks.canaries import Canary
    from app.testing.leaks.exhibits import Sighting, Sink
    from app.testing.leaks.tracing import SpanExporter
    from app.testing.leaks.wire import Recorder


class LeakKit:
    """A watch over everything in which a key or a prompt could turn up, for the time of a `with` block.

        with LeakKit() as kit:
            key = kit.key("ada's acme key", at={server.origin: "authorization"})
            prompt = kit.prompt()
            kit.watch(server)
            ...                                  # make calls with key.secret and prompt.text
            kit.look_at(container, "the container")

    The block's end raises Leaked, which names each place. A key may be seen in the one header that `at`
    names; prompts in request bodies, in what callbacks are told and in the variables of frames; nothing else.
    `sinks` are further places to watch; `frames` says which files' frames are looked into (default: all).
    """

    def __init__(self, sinks: Iterable[Sink] = (), *, frames: Callable[[str], bool] = every_frame) -> None:
        self._canaries: list[Canary] = []
        self._wire, self._things, self._failures = WireSink(), ThingSink(), FailureSink(frames)
        self._tracers, self._spans = TracerSink(), SpanSink()
        self.sinks: list[Sink] = [
            *(self._wire, self._things, self._failures, self._tracers, self._spans),
            *(LogSink(), WarningSink(), OutputSink(), ThreadSink()),
            *sinks,
        ]
        self._opened = ExitStack()

    def __repr__(self) -> str:
        return f"LeakKit(canaries={len(self._canaries)}, sinks={len(self.sinks)})"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.check()

    def open(self) -> None:
        """Begin to watch, or go on: what was seen before stays. Calling it twice is no error."""
        self.close()
        with ExitStack() as opened:
            for sink in self.sinks:
                sink.open()
                opened.callback(sink.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Stop watching, and leave log, warnings and output as they were. Calling it twice is no error."""
        self._opened.close()

    # ------------------------------------------------------------------ what is looked for

    def key(self, name: str, *, at: Mapping[str, str] | None = None, prefix: str = "sk-") -> Canary:
        """Return a new canary key; `at` says in which header (lower case) of which origins it may be seen."""
        return self.look_for(canary_key(name, at=at, prefix=prefix))

    def prompt(self, name: str = "the prompt") -> Canary:
        """Return a new canary prompt."""
        return self.look_for(canary_prompt(name))

    def look_for(self, canary: Canary) -> Canary:
        """Look for a canary of the caller's own making, and return it."""
        self._canaries.append(canary)
        return canary

    # ------------------------------------------------------------------ where

    @property
    def callbacks(self) -> list[BaseCallbackHandler]:
        """LangChain handlers whose every word is watched."""
        return [self._tracers.handler, self._tracers.tracer]

    def watch(self, server: Recorder) -> None:
        """Watch the requests that a server receives."""
        self._wire.watch(server)

    def watch_spans(self, exporter: SpanExporter) -> None:
        """Watch the spans that an exporter of OpenTelemetry keeps."""
        self._spans.exporters.append(exporter)

    def look_at(self, thing: object, name: str) -> None:
        """Look at what can be made of a thing: texts, copies, pickles, dumps."""
        if isinstance(thing, BaseException):
            self._failures.look_at(thing, name)
        else:
            self._things.look_at(thing, name)

    @contextmanager
    def failing(self, name: str, *kinds: type[BaseException]) -> Iterator[list[BaseException]]:
        """Expect the block to fail (in one of these ways; default: any Exception), and look at the failure.

        The list that is yielded holds it afterwards. Raises AssertionError if the block doesn't fail.
        """
        caught: list[BaseException] = []
        expected = kinds or (Exception,)
        try:
            yield caught
        except expected as error:
            self._failures.look_at(error, name)
            caught.append(error)
        if not caught:
            raise AssertionError(f"{name}: nothing failed")

    # ------------------------------------------------------------------ the verdict

    def sightings(self) -> list[Sighting]:
        """Return every canary seen so far where it may not be, each place once."""
        found: dict[Sighting, None] = {}
        for sink in self.sinks:
            for exhibit in sink.exhibits():
                found |= dict.fromkeys(search(exhibit, sink.name, self._canaries))
        return list(found)

    def check(self) -> None:
        """Raise Leaked if there is a sighting."""
        sightings = self.sightings()
        if sightings:
            raise Leaked(sightings)
