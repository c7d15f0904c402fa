"""What LangChain's callbacks and tracers are told, and what OpenTelemetry's exporters were given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.base import BaseTracer

from app.testing.leaks.depths import texts_within
from app.testing.leaks.exhibits import Exhibit, prompts
from app.testing.leaks.things import WAYS, made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from langchain_core.tracers.schemas import Run

EVENTS = (
    "on_llm_start",
    "on_chat_model_start",
    "on_llm_new_token",
    "on_llm_end",
    "on_llm_error",
    "on_chain_start",
    "on_chain_end",
    "on_chain_error",
    "on_tool_start",
    "on_tool_end",
    "on_tool_error",
    "on_retry",
    "on_text",
    "on_custom_event",
)
"""Every event of LangChain's handlers."""


class KeepingTracer(BaseTracer):
    """A tracer that keeps every run as LangSmith and others would be sent it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[str, str]] = []

    def _persist_run(self, run: Run) -> None:
        for way, make in WAYS:
            self.kept.append((f"{way} of a run", made(make, run)))
        self.kept += texts_within(run, "run")


def _listening(event: str) -> Callable[..., Any]:
    def listen(self: KeepingHandler, *args: object, **kwargs: object) -> None:
        self.keep(event, args, kwargs)

    return listen


class KeepingHandler(BaseCallbackHandler):
    """A callback handler that keeps everything it is told."""

    run_inline = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: list[tuple[str, str]] = []

    def keep(self, event: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        """Keep what an event tells, as text."""
        told = [*texts_within(args, event), *texts_within(kwargs, event), (event, f"{args!r} {kwargs!r}")]
        with self._lock:
            self.kept += told


for _event in EVENTS:
    setattr(KeepingHandler, _event, _listening(_event))


class TracerSink:
    """LangChain's callbacks: a handler and a tracer that keep all they are told. No key may be there.

    They see what is run with `kit.callbacks`: `container.callbacks.override(lambda feature: kit.callbacks)`.
    """

    name = "LangChain's callbacks"

    def __init__(self) -> None:
        self.handler, self.tracer = KeepingHandler(), KeepingTracer()

    def open(self) -> None:
        """Nothing to do: its handlers are passed on by the caller."""

    def close(self) -> None:
        """Nothing to do: it holds texts only."""

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield what was told."""
        for kept in (self.handler.kept, self.tracer.kept):
            yield from (Exhibit(place, text, prompts) for place, text in list(kept))


class SpanExporter(Protocol):
    """An exporter that keeps spans: OpenTelemetry's InMemorySpanExporter."""

    def get_finished_spans(self) -> Sequence[Any]:
        """Return the spans."""
        ...


class SpanSink:
    """The spans that OpenTelemetry exported: names, attributes, exceptions. No key may be there."""

    name = "OpenTelemetry's spans"

    def __init__(self, exporters: Iterable[SpanExporter] = ()) -> None:
        self.exporters = list(exporters)

    def open(self) -> None:
        """Nothing to do: exporters keep by themselves."""

    def close(self) -> None:
        """Nothing to do: the exporters belong to somebody else."""

    def exhibits(self) -> Iterator[Exhibit]:
        """Yield each span as it is exported."""
        for exporter in self.exporters:
            for span in exporter.get_finished_spans():
                yield Exhibit(f"span {span.name!r}", str(span.to_json()), prompts)
                for place, text in texts_within(span, f"span {span.name!r}"):
                    yield Exhibit(place, text, prompts)
